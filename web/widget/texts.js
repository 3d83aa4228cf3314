/** What the chat says, in the languages it knows. Pure. */

/** The key, which is also that of an attribute `text-…`; English; Indonesian. */
const TEXTS = `
title|Chat with us|Hubungi kami
open|Open chat|Buka obrolan
close|Close chat|Tutup obrolan
unread|{n} unread|{n} belum dibaca
and|{name} and {n} more|{name} dan {n} lainnya
some|Agents here: {n}|Agen di sini: {n}
here|We are here|Kami ada di sini
away|We will be back soon|Kami akan segera kembali
left|Leave us a message|Tinggalkan pesan
welcome|Hello! How can we help?|Halo! Ada yang bisa kami bantu?
messages|Messages|Pesan
write|Write a message|Tulis pesan
send|Send|Kirim
you|You|Anda
team|Support|Tim kami
waiting|Your message waits|Pesan Anda menunggu
sending|Sending|Mengirim
sent|Sent|Terkirim
failed|Not sent|Tidak terkirim
again|Try again|Coba lagi
writing|{name} is writing|{name} sedang menulis
connecting|No connection. Trying again.|Tidak ada koneksi. Mencoba lagi.
reconnecting|No connection. Trying again.|Tidak ada koneksi. Mencoba lagi.
offline|You are offline|Anda sedang luring
unauthorized|Please log in or allow cookies|Masuk atau izinkan kuki
kicked|This chat is closed|Obrolan ini ditutup
unsupported|This chat is closed|Obrolan ini ditutup
name|Your name|Nama Anda
save|Save|Simpan
skip|Skip|Lewati`;

/** @typedef {(key: string, n?: number, name?: string) => string} Say  nothing, where there is no key */

/**
 * The texts of a language.
 * @param {string} lang  `id`, or else English
 * @param {Record<string, string|undefined>} own  the site's own, in place of ours, by `text-` and key
 * @returns {Say}
 */
export const textsOf = (lang, own) => (key, n, name = "") =>
  (own[`text-${key}`] ?? TEXTS.split(`\n${key}|`)[1]?.split(/[|\n]/)[lang === "id" ? 1 : 0] ?? "")
    .replace("{n}", `${n}`)
    .replace("{name}", () => name);

/**
 * The language to speak, of those that are known.
 * @param {string} [wish]  such as `id` or `id-ID`
 */
export const languageOf = (wish = "") => (/^id\b/i.test(wish) ? "id" : "en");
