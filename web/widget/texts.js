/** What the chat says, in the languages it knows. Pure. */

/** The key, which is also that of an attribute `text-…`; English; Indonesian. */
const TEXTS = `
title|Chat with us|Hubungi kami
open|Open chat|Buka obrolan
close|Close chat|Tutup obrolan
unread|New messages: {n}|Pesan baru: {n}
and|{name} and 1 other|{name} dan 1 lainnya
and-more|{name} and {n} others|{name} dan {n} lainnya
one|One of us is here|Satu dari kami ada di sini
some|{n} of us are here|{n} dari kami ada di sini
here|We are here|Kami ada di sini
maybe|Back in a moment|Segera kembali
away|We will be back soon|Kami akan segera kembali
left|Leave a message, we answer later|Tinggalkan pesan, nanti kami balas
welcome|Hello! How can we help?|Halo! Ada yang bisa kami bantu?
messages|Messages|Pesan
write|Write a message|Tulis pesan
send|Send|Kirim
you|You|Anda
team|Support|Tim kami
waiting|Waits for the connection|Menunggu koneksi
sending|Sending|Mengirim
sent|Sent|Terkirim
failed|Not sent|Tidak terkirim
again|Try again|Coba lagi
writing|{name} is writing|{name} sedang menulis
connecting|Connecting|Menghubungkan
reconnecting|Connection lost. Trying again.|Koneksi terputus. Mencoba lagi.
waits|Connection lost. Your message waits.|Koneksi terputus. Pesan Anda menunggu.
offline|You are offline. Your message waits.|Anda sedang luring. Pesan Anda menunggu.
kicked|You have been removed from this chat.|Anda telah dikeluarkan dari obrolan ini.
unauthorized|Please log in or allow cookies to chat.|Masuk atau izinkan kuki untuk mengobrol.
unsupported|Chat does not work in this browser.|Obrolan tidak berfungsi di peramban ini.
name|Thank you! What may we call you?|Terima kasih! Siapa nama Anda?
save|Save|Simpan
skip|Skip|Lewati
`;

/** @typedef {(key: string, name?: string, n?: number) => string} Say */

/**
 * The language to speak: of those that are wished for the first that is known, else English.
 * @param {readonly (?string|undefined)[]} wishes  such as `id` and `id-ID`
 * @returns {string}
 */
export const languageOf = (wishes) =>
  /(?:^| )(en|id)\b/.exec(wishes.join(" ").toLowerCase())?.[1] ?? "en";

/**
 * The texts of a language.
 * @param {string} language  of `languageOf`
 * @param {(key: string) => ?string} own  the site's own, in place of ours
 * @returns {Say}
 */
export function textsOf(language, own) {
  const texts = new Map(TEXTS.split("\n").map((line) => [line.split("|")[0], line.split("|")]));
  return (key, name = "", n = 0) =>
    (own(key) ?? /** @type {string[]} */ (texts.get(key))[language === "id" ? 2 : 1])
      .replace("{n}", `${n}`)
      .replace("{name}", () => name);
}
