"""How mail programs introduce what they quote, language by language, with a letter in each.

Per language: what the customer answers, what is quoted, then the line of Gmail, Outlook's block (From, Sent, To,
Subject), the lines of Apple Mail and Thunderbird, and what a phone adds below the answer. `§` stands for
`Nora Keller <nora@desk.example>`. "" where a program does not speak the language.
"""

from __future__ import annotations

from typing import NamedTuple

WHO = "Nora Keller <nora@desk.example>"


class Language(NamedTuple):
    answer: str
    quoted: str
    gmail: str
    outlook: str
    apple: str
    thunderbird: str
    phone: str


LANGUAGES = {
    "English": Language(
        "Hi Nora,\n\nthat helped, it prints again. One question: will it last?\n\nJonas",
        "Please restart the printer.",
        "On Mon, Mar 2, 2026 at 10:11 AM § wrote:",
        "From: §|Sent: Monday, March 2, 2026 10:11 AM|To: Jonas Berg|Subject: Printer",
        "On 2 Mar 2026, at 10:11, § wrote:",
        "On 02/03/2026 10:11, Nora Keller wrote:",
        "Sent from my iPhone",
    ),
    "German": Language(
        "Guten Tag Frau Keller,\n\nvielen Dank, es klappt jetzt. Eine Frage bleibt: Hält das auch?\n\nJonas Berg",
        "Bitte starten Sie den Drucker neu.",
        "Am Mo., 2. März 2026 um 10:11 Uhr schrieb §:",
        "Von: §|Gesendet: Montag, 2. März 2026 10:11|An: Jonas Berg|Betreff: Drucker",
        "Am 02.03.2026 um 10:11 schrieb §:",
        "Am 02.03.26 um 10:11 schrieb Nora Keller:",
        "Von meinem iPhone gesendet",
    ),
    "French": Language(
        "Bonjour,\n\nmerci, l'imprimante remarche. Est-ce que cela va durer ?\n\nJonas",
        "Merci de redémarrer l'imprimante.",
        "Le lun. 2 mars 2026 à 10:11, § a écrit :",
        "De : §|Envoyé : lundi 2 mars 2026 10:11|À : Jonas Berg|Objet : Imprimante",
        "Le 2 mars 2026 à 10:11, § a écrit :",
        "Le 02/03/2026 à 10:11, Nora Keller a écrit :",
        "Envoyé de mon iPhone",
    ),
    "Spanish": Language(
        "Hola Nora:\n\nGracias, ya imprime. ¿Durará mucho?\n\nUn saludo",
        "Por favor, reinicie la impresora.",
        "El lun, 2 mar 2026 a las 10:11, Nora Keller (<nora@desk.example>) escribió:",
        "De: §|Enviado el: lunes, 2 de marzo de 2026 10:11|Para: Jonas Berg|Asunto: Impresora",
        "El 2 mar 2026, a las 10:11, § escribió:",
        "El 2/3/26 a las 10:11, Nora Keller escribió:",
        "Enviado desde mi iPhone",
    ),
    "Italian": Language(
        "Ciao Nora,\n\ngrazie, ora stampa. Durerà?\n\nJonas",
        "La preghiamo di riavviare la stampante.",
        "Il giorno lun 2 mar 2026 alle ore 10:11 § ha scritto:",
        "Da: §|Inviato: lunedì 2 marzo 2026 10:11|A: Jonas Berg|Oggetto: Stampante",
        "Il giorno 2 mar 2026, alle ore 10:11, § ha scritto:",
        "Il 02/03/2026 10:11, Nora Keller ha scritto:",
        "Inviato da iPhone",
    ),
    "Portuguese (Brazil)": Language(
        "Oi Nora,\n\nobrigado, voltou a imprimir. Será que dura?\n\nJonas",
        "Por favor, reinicie a impressora.",
        "Em seg., 2 de mar. de 2026 às 10:11, § escreveu:",
        "De: §|Enviada em: segunda-feira, 2 de março de 2026 10:11|Para: Jonas Berg|Assunto: Impressora",
        "Em 2 de mar. de 2026, à(s) 10:11, § escreveu:",
        "Em 02/03/2026 10:11, Nora Keller escreveu:",
        "Enviado do meu iPhone",
    ),
    "Portuguese (Portugal)": Language(
        "Olá Nora,\n\nobrigado, já funciona. Até quando?\n\nJonas",
        "Reinicie a impressora, por favor.",
        "§ escreveu (segunda, 2/03/2026 à(s) 10:11):",
        "De: §|Enviado: 2 de março de 2026 10:11|Para: Jonas Berg|Assunto: Impressora",
        "No dia 02/03/2026, às 10:11, § escreveu:",
        "Às 10:11 de 02/03/2026, Nora Keller escreveu:",
        "Enviado do meu iPhone",
    ),
    "Catalan": Language(
        "Bon dia,\n\ngràcies, ja imprimeix. Durarà gaire?\n\nJonas",
        "Reinicieu la impressora, si us plau.",
        "Missatge de § del dia dl., 2 de març 2026 a les 10:11:",
        "De: §|Enviat: dilluns, 2 de març de 2026 10:11|Per a: Jonas Berg|Assumpte: Impressora",
        "El dia 2 de març 2026, a les 10:11, § va escriure:",
        "El 2/3/26 a les 10:11, Nora Keller ha escrit:",
        "Enviat des del meu iPhone",
    ),
    "Dutch": Language(
        "Dag Nora,\n\nbedankt, hij print weer. Blijft dat zo?\n\nJonas",
        "Start de printer opnieuw op.",
        "Op ma 2 mrt 2026 om 10:11 schreef §:",
        "Van: §|Verzonden: maandag 2 maart 2026 10:11|Aan: Jonas Berg|Onderwerp: Printer",
        "Op 2 mrt. 2026, om 10:11 heeft § het volgende geschreven:",
        "Op 02-03-2026 om 10:11 schreef Nora Keller:",
        "Verstuurd vanaf mijn iPhone",
    ),
    "Swedish": Language(
        "Hej Nora,\n\ntack, nu skriver den ut igen. Håller det?\n\nJonas",
        "Starta om skrivaren.",
        "Den mån 2 mars 2026 kl 10:11 skrev §:",
        "Från: §|Skickat: den 2 mars 2026 10:11|Till: Jonas Berg|Ämne: Skrivare",
        "2 mars 2026 kl. 10:11 skrev §:",
        "Den 2026-03-02 kl. 10:11, skrev Nora Keller:",
        "Skickat från min iPhone",
    ),
    "Danish": Language(
        "Hej Nora,\n\ntak, den printer igen. Holder det?\n\nJonas",
        "Genstart printeren.",
        "Den man. 2. mar. 2026 kl. 10.11 skrev §:",
        "Fra: §|Sendt: 2. marts 2026 10:11|Til: Jonas Berg|Emne: Printer",
        "Den 2. mar. 2026 kl. 10.11 skrev §:",
        "Den 02.03.2026 kl. 10.11 skrev Nora Keller:",
        "Sendt fra min iPhone",
    ),
    "Norwegian": Language(
        "Hei Nora,\n\ntakk, den skriver ut igjen. Varer det?\n\nJonas",
        "Start skriveren på nytt.",
        "man. 2. mar. 2026 kl. 10:11 skrev §:",
        "Fra: §|Sendt: mandag 2. mars 2026 10:11|Til: Jonas Berg|Emne: Skriver",
        "2. mar. 2026 kl. 10:11 skrev §:",
        "Den 02.03.2026 10:11, skrev Nora Keller:",
        "Sendt fra min iPhone",
    ),
    "Finnish": Language(
        "Hei Nora,\n\nkiitos, tulostin toimii taas. Kestääkö se?\n\nJonas",
        "Käynnistä tulostin uudelleen.",
        "ma 2. maalisk. 2026 klo 10.11 Nora Keller (nora@desk.example) kirjoitti:",
        "Lähettäjä: §|Lähetetty: maanantai 2. maaliskuuta 2026 10:11|Vastaanottaja: Jonas Berg|Aihe: Tulostin",
        "§ kirjoitti 2.3.2026 kello 10.11:",
        "Nora Keller kirjoitti 2.3.2026 klo 10.11:",
        "Lähetetty iPhonesta",
    ),
    "Icelandic": Language(
        "Sæl Nora,\n\ntakk, hann prentar aftur. Endist það?\n\nJónas",
        "Endurræstu prentarann.",
        "Þann mán., 2. mar. 2026 kl. 10:11 skrifaði §:",
        "Frá: §|Sent: mánudagur, 2. mars 2026 10:11|Til: Jonas Berg|Efni: Prentari",
        "",
        "Þann 2.3.2026 10:11, skrifaði Nora Keller:",
        "",
    ),
    "Estonian": Language(
        "Tere Nora,\n\naitäh, printer töötab jälle. Kas see jääb nii?\n\nJonas",
        "Palun taaskäivitage printer.",
        "Kuupäev E, 2. märts 2026 kell 10:11 kirjutas §:",
        "Saatja: §|Saadetud: esmaspäev, 2. märts 2026 10:11|Adressaat: Jonas Berg|Teema: Printer",
        "",
        "Nora Keller kirjutas 02.03.2026 10:11:",
        "Saadetud minu iPhone'ist",
    ),
    "Latvian": Language(
        "Labdien!\n\nPaldies, printeris atkal drukā. Vai uz ilgu laiku?\n\nJonas",
        "Lūdzu, restartējiet printeri.",
        "pirmd., 2026. g. 2. marts, plkst. 10:11 — lietotājs Nora Keller (<nora@desk.example>) rakstīja:",
        "No: §|Nosūtīts: pirmdiena, 2026. gada 2. marts 10:11|Kam: Jonas Berg|Tēma: Printeris",
        "",
        "02.03.2026 10:11 Nora Keller rakstīja:",
        "Nosūtīts no mana iPhone",
    ),
    "Lithuanian": Language(
        "Laba diena,\n\načiū, vėl spausdina. Ar ilgam?\n\nJonas",
        "Prašome iš naujo paleisti spausdintuvą.",
        "2026-03-02, pr, 10:11 § rašė:",
        "Nuo: §|Išsiųsta: 2026 m. kovo 2 d., pirmadienis 10:11|Kam: Jonas Berg|Tema: Spausdintuvas",
        "",
        "2026-03-02 10:11, Nora Keller rašė:",
        "Išsiųsta iš mano iPhone",
    ),
    "Polish": Language(
        "Dzień dobry,\n\ndziękuję, znowu drukuje. Czy to na długo?\n\nJonas",
        "Proszę uruchomić drukarkę ponownie.",
        "pon., 2 mar 2026 o 10:11 § napisał(a):",
        "Od: §|Wysłano: poniedziałek, 2 marca 2026 10:11|Do: Jonas Berg|Temat: Drukarka",
        "Wiadomość napisana przez § w dniu 2 mar 2026, o godz. 10:11:",
        "W dniu 2.03.2026 o 10:11, Nora Keller pisze:",
        "Wysłane z iPhone'a",
    ),
    "Czech": Language(
        "Dobrý den,\n\nděkuji, už zase tiskne. Vydrží to?\n\nJonas",
        "Restartujte prosím tiskárnu.",
        "po 2. 3. 2026 v 10:11 odesílatel § napsal:",
        "Od: §|Odesláno: pondělí 2. března 2026 10:11|Komu: Jonas Berg|Předmět: Tiskárna",
        "2. 3. 2026 v 10:11, §:",
        "Dne 02. 03. 26 v 10:11 Nora Keller napsal(a):",
        "Odesláno z iPhonu",
    ),
    "Slovak": Language(
        "Dobrý deň,\n\nďakujem, už zase tlačí. Vydrží to?\n\nJonas",
        "Reštartujte prosím tlačiareň.",
        "po 2. 3. 2026 o 10:11 § napísal(a):",
        "Od: §|Odoslané: pondelok 2. marca 2026 10:11|Komu: Jonas Berg|Predmet: Tlačiareň",
        "2. 3. 2026, o 10:11, §:",
        "Dňa 2. 3. 2026 o 10:11 Nora Keller napísal(a):",
        "Odoslané z iPhonu",
    ),
    "Slovenian": Language(
        "Pozdravljeni,\n\nhvala, spet tiska. Bo držalo?\n\nJonas",
        "Prosimo, ponovno zaženite tiskalnik.",
        "V V pon., 2. mar. 2026 ob 10:11 je oseba § napisala:",
        "Od: §|Poslano: ponedeljek, 2. marec 2026 10:11|Za: Jonas Berg|Zadeva: Tiskalnik",
        "",
        "Dne 2. 03. 2026 ob 10:11 je Nora Keller napisal(a):",
        "Poslano iz mojega iPhona",
    ),
    "Croatian": Language(
        "Poštovani,\n\nhvala, opet ispisuje. Hoće li potrajati?\n\nJonas",
        "Molimo ponovno pokrenite pisač.",
        "pon, 2. ožu 2026. u 10:11 § napisao je:",
        "Od: §|Poslano: ponedjeljak, 2. ožujka 2026. 10:11|Prima: Jonas Berg|Predmet: Pisač",
        "Dana 2. ožu 2026., u 10:11, § napisao je:",
        "Dana 02. 03. 2026. u 10:11 Nora Keller je napisao/la:",
        "Poslano s iPhonea",
    ),
    "Serbian": Language(
        "Поштовани,\n\nхвала, опет штампа. Хоће ли потрајати?\n\nЈонас",
        "Молимо вас, поново покрените штампач.",
        "пон, 2. мар 2026. у 10:11 § је написао/ла:",
        "Од: §|Послато: понедељак, 2. март 2026. 10:11|За: Јонас Берг|Тема: Штампач",
        "",
        "Дана 2.3.26. у 10:11, Nora Keller је написао/ла:",
        "",
    ),
    "Hungarian": Language(
        "Jó napot!\n\nKöszönöm, újra nyomtat. Meddig tart?\n\nJonas",
        "Kérjük, indítsa újra a nyomtatót.",
        "§ ezt írta (időpont: 2026. márc. 2., H, 10:11):",
        "Feladó: §|Elküldve: 2026. március 2., hétfő 10:11|Címzett: Jonas Berg|Tárgy: Nyomtató",
        "2026. márc. 2. dátummal, 10:11 időpontban § írta:",
        "2026. 03. 02. 10:11 keltezéssel, Nora Keller írta:",
        "Elküldve az iPhone-omról",
    ),
    "Romanian": Language(
        "Bună ziua,\n\nmulțumesc, imprimă din nou. Va ține?\n\nJonas",
        "Vă rugăm să reporniți imprimanta.",
        "Pe lun., 2 mar. 2026 la 10:11, § a scris:",
        "De la: §|Trimis: luni, 2 martie 2026 10:11|Către: Jonas Berg|Subiect: Imprimantă",
        "Pe 2 mar. 2026, la 10:11, § a scris:",
        "Pe 02.03.2026 10:11, Nora Keller a scris:",
        "Trimis de pe iPhone-ul meu",
    ),
    "Bulgarian": Language(
        "Здравейте,\n\nблагодаря, отново печата. Ще издържи ли?\n\nЙонас",
        "Моля, рестартирайте принтера.",
        "На пн, 2.03.2026 г. в 10:11 § написа:",
        "От: §|Изпратено: понеделник, 2 март 2026 г. 10:11|До: Йонас Берг|Относно: Принтер",
        "",
        "На 2.03.26 г. в 10:11, Nora Keller написа:",
        "Изпратено от моя iPhone",
    ),
    "Russian": Language(
        "Здравствуйте,\n\nспасибо, снова печатает. Надолго ли?\n\nЙонас",
        "Перезагрузите, пожалуйста, принтер.",
        "пн, 2 мар. 2026 г. в 10:11, §:",
        "От: §|Отправлено: понедельник, 2 марта 2026 г. 10:11|Кому: Йонас Берг|Тема: Принтер",
        "2 марта 2026 г., в 10:11, § написал(а):",
        "02.03.2026 10:11, Nora Keller пишет:",
        "Отправлено с iPhone",
    ),
    "Ukrainian": Language(
        "Добрий день,\n\nдякую, знову друкує. Чи надовго?\n\nЙонас",
        "Будь ласка, перезапустіть принтер.",
        "пн, 2 бер. 2026 р. о 10:11 § пише:",
        "Від: §|Надіслано: понеділок, 2 березня 2026 р. 10:11|Кому: Йонас Берг|Тема: Принтер",
        "2 бер. 2026 р. о 10:11 § написав(ла):",
        "02.03.26 10:11, Nora Keller пише:",
        "Надіслано з iPhone",
    ),
    "Greek": Language(
        "Καλημέρα,\n\nευχαριστώ, εκτυπώνει ξανά. Θα κρατήσει;\n\nΓιόνας",
        "Παρακαλώ επανεκκινήστε τον εκτυπωτή.",
        "Στις Δευ 2 Μαρ 2026 στις 10:11 π.μ., ο/η § έγραψε:",
        "Από: §|Στάλθηκε: Δευτέρα, 2 Μαρτίου 2026 10:11|Προς: Γιόνας|Θέμα: Εκτυπωτής",
        "2 Μαρ 2026, 10:11, ο χρήστης «§» έγραψε:",
        "Στις 2/3/26 10:11, ο/η Nora Keller έγραψε:",
        "Στάλθηκε από το iPhone μου",
    ),
    "Turkish": Language(
        "Merhaba,\n\nteşekkürler, yine yazdırıyor. Sürer mi?\n\nJonas",
        "Lütfen yazıcıyı yeniden başlatın.",
        "§, 2 Mar 2026 Pzt, 10:11 tarihinde şunu yazdı:",
        "Kimden: §|Gönderildi: 2 Mart 2026 Pazartesi 10:11|Kime: Jonas Berg|Konu: Yazıcı",
        "§ şunları yazdı (2 Mar 2026 10:11):",
        "2.03.2026 10:11 tarihinde Nora Keller yazdı:",
        "iPhone'umdan gönderildi",
    ),
    "Hebrew": Language(
        "שלום נורה,\n\nתודה, המדפסת עובדת שוב. לכמה זמן?\n\nיונס",
        "נא להפעיל מחדש את המדפסת.",
        "\u202bבתאריך יום ב׳, 2 במרץ 2026 ב-10:11 מאת \u202aNora Keller\u202c\u200f <\u202anora@desk.example\u202c\u200f>:\u202c",
        "מאת: §|נשלח: יום שני 2 מרץ 2026 10:11|אל: יונס|נושא: מדפסת",
        "\u200fב-2 במרץ 2026, בשעה 10:11, \u200f§ כתב/ה:",
        "ב-02/03/2026 10:11, Nora Keller כתב/ה:",
        "נשלח מה-iPhone שלי",
    ),
    "Arabic": Language(
        "مرحبا نورا،\n\nشكرا، الطابعة تعمل من جديد. هل سيدوم ذلك؟\n\nيوناس",
        "يرجى إعادة تشغيل الطابعة.",
        "في الاثنين، ٢ مارس ٢٠٢٦ في ١٠:١١ ص تمت كتابة ما يلي بواسطة \u202aNora Keller\u202c\u200f <\u202anora@desk.example\u202c\u200f>:",
        "من: §|تاريخ الإرسال: الاثنين، 2 مارس 2026 10:11|إلى: يوناس|الموضوع: الطابعة",
        "في ٢ مارس ٢٠٢٦، الساعة ١٠:١١ ص، كتب §:",
        "في 02/03/2026 10:11 ص، كتب Nora Keller:",
        "أُرسلت من الـ iPhone",
    ),
    "Persian": Language(
        "سلام نورا،\n\nممنون، چاپگر دوباره کار می‌کند. دوام دارد؟\n\nیوناس",
        "لطفا چاپگر را دوباره راه‌اندازی کنید.",
        "در تاریخ دوشنبه ۲ مارس ۲۰۲۶،\u200f ۱۰:۱۱ § نوشت:",
        "از: §|ارسال شده: دوشنبه 2 مارس 2026 10:11|به: یوناس|موضوع: چاپگر",
        "",
        "در 02/03/2026 10:11، Nora Keller نوشت:",
        "",
    ),
    "Hindi": Language(
        "नमस्ते नोरा,\n\nधन्यवाद, प्रिंटर फिर से चल रहा है। क्या यह टिकेगा?\n\nयोनास",
        "कृपया प्रिंटर को फिर से चालू करें।",
        "सोम, 2 मार्च 2026 को 10:11 am बजे को § ने लिखा:",
        "प्रेषक: §|भेजा गया: सोमवार, 2 मार्च 2026 10:11|प्रति: योनास|विषय: प्रिंटर",
        "",
        "",
        "",
    ),
    "Japanese": Language(
        "ケラー様\n\nありがとうございます。また印刷できました。このまま使えますか。\n\nベルク",
        "プリンターを再起動してください。",
        "2026年3月2日(月) 10:11 §:",
        "差出人: §|送信日時: 2026年3月2日 10:11|宛先: ベルク|件名: プリンター",
        "2026/03/02 10:11、§のメール:",
        "On 2026/03/02 10:11, Nora Keller wrote:",
        "iPhoneから送信",
    ),
    "Chinese (simplified)": Language(
        "您好：\n\n谢谢，打印机又能用了。会一直好吗？\n\n约纳斯",
        "请重新启动打印机。",
        "§ 于2026年3月2日周一 10:11写道：",
        "发件人: §|发送时间: 2026年3月2日 10:11|收件人: 约纳斯|主题: 打印机",
        "2026年3月2日 10:11，§ 写道：",
        "在 2026/3/2 10:11, Nora Keller 写道:",
        "发自我的 iPhone",
    ),
    "Chinese (traditional)": Language(
        "您好：\n\n謝謝，印表機又可以用了。會一直好嗎？\n\n約納斯",
        "請重新啟動印表機。",
        "§ 於 2026年3月2日 週一 上午10:11寫道：",
        "寄件者: §|寄件日期: 2026年3月2日 上午 10:11|收件者: 約納斯|主旨: 印表機",
        "§ 於 2026年3月2日 上午10:11 寫道：",
        "Nora Keller 於 2026/3/2 上午 10:11 寫道:",
        "從我的 iPhone 傳送",
    ),
    "Korean": Language(
        "안녕하세요,\n\n감사합니다. 다시 인쇄됩니다. 계속 될까요?\n\n요나스",
        "프린터를 다시 시작해 주세요.",
        "2026년 3월 2일 (월) 오전 10:11, §님이 작성:",
        "보낸 사람: §|보낸 날짜: 2026년 3월 2일 월요일 오전 10:11|받는 사람: 요나스|제목: 프린터",
        "2026. 3. 2. 오전 10:11, § 작성:",
        "2026-03-02 오전 10:11에 Nora Keller 이(가) 쓴 글:",
        "나의 iPhone에서 보냄",
    ),
    "Vietnamese": Language(
        "Chào chị Nora,\n\ncảm ơn chị, máy in lại chạy rồi. Có lâu không ạ?\n\nJonas",
        "Vui lòng khởi động lại máy in.",
        "Vào Th 2, 2 thg 3, 2026 vào lúc 10:11 § đã viết:",
        "Từ: §|Đã gửi: Thứ Hai, 2 tháng 3, 2026 10:11|Đến: Jonas Berg|Chủ đề: Máy in",
        "Vào 10:11, 2 thg 3, 2026, § đã viết:",
        "Vào 02/03/2026 10:11, Nora Keller viết:",
        "Đã gửi từ iPhone của tôi",
    ),
    "Indonesian": Language(
        "Halo Nora,\n\nterima kasih, sudah mencetak lagi. Apakah akan bertahan?\n\nJonas",
        "Silakan nyalakan ulang printer.",
        "Pada Sen, 2 Mar 2026 pukul 10.11 § menulis:",
        "Dari: §|Terkirim: Senin, 2 Maret 2026 10.11|Kepada: Jonas Berg|Perihal: Printer",
        "Pada 2 Mar 2026, pukul 10.11, § menulis:",
        "Pada 02/03/2026 10:11, Nora Keller menulis:",
        "Dikirim dari iPhone saya",
    ),
    "Thai": Language(
        "สวัสดีค่ะ\n\nขอบคุณค่ะ พิมพ์ได้แล้ว จะอยู่ได้นานไหมคะ\n\nโยนาส",
        "กรุณาเปิดเครื่องพิมพ์ใหม่",
        "ในวันที่ จ. 2 มี.ค. 2026 เวลา 10:11 § เขียนว่า:",
        "จาก: §|ส่ง: วันจันทร์ที่ 2 มีนาคม 2026 10:11|ถึง: โยนาส|เรื่อง: เครื่องพิมพ์",
        "ในวันที่ 2 มี.ค. 2569 BE เวลา 10:11 § เขียน:",
        "",
        "ส่งจาก iPhone ของฉัน",
    ),
}
FORMS = ("gmail", "outlook", "apple", "thunderbird", "phone")


def letters() -> list[tuple[str, str, str, str]]:
    """(language, form, the whole text, the answer) of every form a language has."""
    return [
        (name, form, text, language.answer)
        for name, language in LANGUAGES.items()
        for form in FORMS
        if (text := letter(language, form))
    ]


def letter(language: Language, form: str) -> str:
    """What arrives as plain text when a customer answers with that program."""
    header = getattr(language, form).replace("§", WHO)
    quoted = f"> {language.quoted}\n>\n> Nora"
    if not header:
        return ""
    if form == "outlook":
        block = header.replace("|", "\n")
        return f"{language.answer}\n\n{block}\n\n{language.quoted}\n\nNora\n"
    if form == "phone":
        line = (language.apple or language.gmail).replace("§", WHO)
        return f"{language.answer}\n\n{header}\n\n> {line}\n>\n{quoted}\n"
    return f"{language.answer}\n\n{header}\n\n{quoted}\n"
