"""Who is in the crowd, where in the demo shop they are, and what they say."""

_CUSTOMERS = (
    *("Ayu Lestari", "Budi Santoso", "Siti Rahmawati", "Yuki Tanaka", "Agus Wijaya"),
    *("Maria Hofmann", "Wayan Sudana", "Putri Handayani", "Liam Murphy", "Dian Permata"),
    *("Joko Susilo", "Amina Diallo", "Ratna Sari", "Rizky Pratama", "Chloé Martin"),
    *("Nyoman Ariani", "Hendra Gunawan", "Priya Nair", "Fitri Anggraini", "Mateo Rojas"),
    *("Yusuf Hidayat", "Intan Maharani", "Jana Nováková", "Eko Prasetyo", "Nguyễn Thu Hà"),
    *("Bagus Nugroho", "Olivia Brown", "Kadek Suarni", "Arif Setiawan", "Søren Holm"),
    *("Melati Kusuma", "Daniel Okafor", "Tari Wulandari", "Gilang Ramadhan", "Zofia Nowak"),
    *("Sri Wahyuni", "Ali Demir", "Komang Astawa", "Nadia Putri", "Bambang Hartono"),
)
_AGENTS = ("Rina", "Bayu", "Citra", "Made", "Laras", "Fajar", "Indah", "Surya")

PAGES = ("/shop/", "/shop/gayo.html", "/shop/gayo.html", "/shop/checkout.html")
"""Twice the page that most people look at."""

TALKS = (
    ("Hi, how coarse do you grind for a French press?", "Coarse, like sea salt. Shall I note it?"),
    ("When was the Gayo roasted?", "On Thursday. It is at its best from tomorrow on."),
    ("Do you deliver to Denpasar?", "Yes, by courier: it takes two days."),
    ("Halo, apakah Toraja masih ada?", "Hari Jumat sudah ada lagi. Mau saya simpan satu?"),
    ("My code is not accepted at the checkout.", "I am sorry! Which code is it?"),
    ("Is the wet-hulled one very earthy?", "A little: cedar, and a sweet finish. It is gentle."),
    ("Can I pay by bank transfer?", "Of course. The account is on the invoice."),
    ("Bisa kirim hari ini?", "Bisa, kalau pesan sebelum jam tiga sore."),
    ("Is a bag enough for a month?", "For a cup a day, yes: about 15 g each."),
)
"""What a customer asks, and what an agent answers."""

THANKS = ("Thank you!", "Ah, good to know.", "Terima kasih!", "Perfect, thanks.", "Okay, I will.")
CLOSINGS = ("You are welcome. Enjoy!", "Sama-sama!", "Gladly. I am here if you need me.")


def customers_name(number: int) -> str:
    """That of the customer so many, from 1; always the same one."""
    return _CUSTOMERS[(number - 1) % len(_CUSTOMERS)]


def agents_name(number: int) -> str:
    """That of the agent so many, from 1; always the same one."""
    return _AGENTS[(number - 1) % len(_AGENTS)]
