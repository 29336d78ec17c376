"""The words mail programs put above what they quote, in the languages they speak.

Each pattern is tried on one short line (or a few joined ones); none nests a repetition in another.
"""

from __future__ import annotations

import re

# "wrote", where the line ends with it: English, German (participle), Dutch, Afrikaans, French, Spanish, Catalan,
# Galician, Portuguese, Italian, Romanian, Danish/Norwegian/Swedish, Icelandic, Finnish, Estonian, Latvian, Lithuanian,
# Polish, Czech, Slovak, Slovenian, Croatian/Serbian/Bosnian, Bulgarian, Macedonian, Russian, Ukrainian, Belarusian,
# Hungarian, Greek, Turkish, Azerbaijani, Hebrew, Arabic, Persian, Hindi, Indonesian, Malay, Vietnamese, Thai, Chinese,
# Japanese, Korean.
_VERBS = (
    "wrote", "writes", "wrote the following", "geschrieben", "geschreven", "geskryf",
    "a écrit", "écrit", "escribió", "ha escrit", "va escriure", "escribiu", "escreveu", "ha scritto", "scrive",
    "scrisse", "a scris", "skrev", "skreiv", "skrev följande", "skrifaði", "kirjoitti", "kirjutas", "rakstīja", "rašė",
    "parašė", "napisał", "napisała", r"napisał\(a\)", "pisze", "pisze/napisał", "napsal", "napsala", r"napsal\(a\)", "píše", "napísal",
    "napísala", r"napísal\(a\)", "napisal", "napisala", "napisao", "je napisal", "je napisala", "je napisao", r"je napisao/la", "napisao je",
    r"napisal\(a\)", "је написао", "је написала", r"написао/ла", "је написао/ла", "написа", "напиша", "написал", "написала", r"написал\(а\)", "пишет", "писал", "писала",
    r"писал\(а\)", "пише", "написав", "написала", r"написав\(ла\)", "писав", "напісаў", "піша", "írta", "ezt írta", "a következőt írta",
    "έγραψε", "yazdı", "şunu yazdı", "şunları yazdı", "yazıb", "כתב", "כתבה", r"כתב/ה", "كتب", "كتبت", "نوشت",
    "ने लिखा", "menulis", "menulis pesan", "đã viết", "viết", "เขียนว่า", "เขียน", "ได้เขียน",
)  # fmt: skip
# ... and where scripts set no blanks between words.
_VERBS_UNSPACED = (
    "写道", "寫道", "写到", "寫到", "のメール", "書きました", "さんは書きました", "님이 작성", "작성", "님이 씀", "쓴 글",
    "のメッセージ", "さんからのメール",
)  # fmt: skip
WROTE_LAST = re.compile(
    rf"(?:(?:^|[\s>,)\"»”])(?:{'|'.join(_VERBS)})|(?:{'|'.join(_VERBS_UNSPACED)}))\s?[:：]?\s*\Z",
    re.IGNORECASE,
)
LONGEST_WROTE = max(map(len, _VERBS + _VERBS_UNSPACED)) + 3  # with what may stand before and after the verb
# "wrote", where the name follows it.
WROTE_THEN_NAME = re.compile(
    r"(?:^|\s)(?:schrieb|schreef|skrev|skreiv|kirjoitti|kirjutas|كتب|كتبت|skrifaði|napisał|napisał\(a\)|napsal|napísal)\s[^:：]{1,200}(?::\d\d)?[^:：]{0,12}[:：]\s*\Z",
    re.IGNORECASE,
)
# ... and words of speech, which need date and address beside them.
SAID_LAST = re.compile(
    r"\s(?:said|says|sagte|dijo|a dit|disse|zei|sa|sagde|powiedział|řekl|сказал)\s?[:：]\s*\Z", re.IGNORECASE
)
# `2026/3/2 Nora Keller <nora@desk.example>`, above a quote
DATED_MAILBOX = re.compile(
    r"\d{2,4}[./-]\d{1,2}[./-]\d{1,4}\s[^<>]{0,120}<[^<>\s@]{1,80}@[^<>\s]{1,120}>[:：]?\Z"
)
# "I wrote": no program says so, a person does who retells.
OWN_WORDS = re.compile(
    r"\b(?:i|we|i've|we've|i have|we have)\s(?:also\s|already\s)?(?:wrote|written|said)\s?[:：]?\s*\Z|\bschrieb(?:en)?\s(?:ich|wir|man)\b|"
    r"\b(?:habe|haben)\s(?:ich|wir)\b.{0,80}geschrieben\s?:?\s*\Z|\bschre(?:ef|ven)\s(?:ik|wij|we)\b|\bj'ai écrit|nous avons écrit|"
    r"\bskrev\s(?:jag|jeg|vi)\b|\bkirjoitin\b|\bho scritto|\bя\s(?:на)?писал",
    re.IGNORECASE,
)
# How such a line begins.
OPENING = re.compile(
    r"(?:on|at|am|der|le|el|em|en|na|no|il|in data|il giorno|op|den|dne|dňa|w dniu|dnia|på|pe|la|în|în data|kl\.?|ons|"
    r"tors|fre|lör|sön|mån|tis|v|в|во|у|на|ў|στις|στις|a|dana|u|dne|pada|vào|lúc|เมื่อ|เมื่อวันที่|在|於|于|ב|בתאריך|"
    r"في|در|quoting|le|li|2\d{3}\.|kuupäeval|szerda|kedd)\b",
    re.IGNORECASE,
)
WEEKDAY = re.compile(
    r"(?:mon|tue|wed|thu|fri|sat|sun|lun|mar|mer|jeu|ven|sam|dim|lun|mié|jue|vie|sáb|dom|seg|ter|qua|qui|sex|gio|sab|"
    r"man|tir|ons|tor|fre|lør|søn|ma|di|wo|do|vr|za|zo|po|út|st|čt|pá|so|ne|пн|вт|ср|чт|пт|сб|вс|нд|pon|wt|śr|czw|pt|"
    r"sob|ndz|niedz|κυρ|δευ|τρι|τετ|πεμ|παρ|σαβ|pzt|sal|çar|per|cum|cmt|paz|h|k|sze|cs|p|szo|v)[a-zа-яёіїα-ω]{0,9}\.?,?\s",
    re.IGNORECASE,
)
DATE = re.compile(
    r"\d{1,4}[./-]\s?\d{1,2}[./-]\s?\d{1,4}|\d{1,2}[./-]?\s?(?:de )?[^\W\d_]{3,12}[./,-]{0,2}\s?(?:de )?\d{4}|"
    r"[^\W\d_]{3,12}\.?\s\d{1,2}(?:st|nd|rd|th)?,?\s\d{4}|\d{4}\s?[年년.]|\d{1,2}\.?\s[^\W\d_]{3,12}\.?"
)
TIME = re.compile(r"(?<!\d)\d{1,2}\s?[:.h時时시]\s?\d{2}")
ADDRESS = re.compile(r"[<(\[\"]?(?:mailto:)?[^\s<>@\[\]()\"]{1,80}@[^\s<>@\[\]()\"]{1,120}[>)\]\"]?")
# A mailbox as programs write it, which nobody types in a sentence.
MAILBOX = re.compile(r"[<(\[](?:mailto:)?[^\s<>@()\[\]]{1,80}@[^\s<>@()\[\]]{1,120}[>)\]]")
ADDRESS_LAST = re.compile(
    r"<\s?(?:mailto:)?[^\s<>@]{1,80}@[^\s<>@]{1,120}(?:<mailto:[^\s<>]{1,200}>)?>\s?[:：]\s*\Z"
)
# An attribution on the same line as the words above it.
INLINE = re.compile(
    r"(?P<reply>.{0,300}?\w.{0,8}?)\s?(?P<header>-{0,5}\s?\bOn (?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{0,6},? |\d{1,2} ?[A-Z./]|"
    r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)).{4,200}\bwrote:\s*)\Z"
)
# ... or in front of them, as phones do that put everything on one line.
SHARED_WITH_QUOTE = re.compile(
    r"(?P<header>\s{0,20}\S.{4,200}?<[^<>\s]{1,80}@[^<>\s]{1,120}>[^:：<>]{0,24}[:：])\s{2,}(?P<quoted>\S.*)\Z"
)
_ORIGINAL = (
    "original message", "original appointment", "reply message", "ursprüngliche nachricht", "originalnachricht",
    "original-nachricht", "ursprünglicher termin", "message d'origine", "message d’origine", "message original",
    "message initial", "mensaje original", "missatge original", "mensagem original", "messaggio originale",
    "oorspronkelijk bericht", "oorspronkelijke bericht", "oprindelig meddelelse", "oprindelig besked",
    "opprinnelig melding", "originalmelding", "ursprungligt meddelande", "originalmeddelande", "alkuperäinen viesti",
    "upprunaleg skilaboð", "algne kiri", "sākotnējais ziņojums", "pradinis laiškas", "wiadomość oryginalna",
    "oryginalna wiadomość", "wiadomość pierwotna", "původní zpráva", "pôvodná správa", "izvirno sporočilo",
    "izvorna poruka", "originalna poruka", "eredeti üzenet", "mesaj original", "mesajul original", "orijinal ileti",
    "orijinal mesaj", "özgün ileti", "исходное сообщение", "оригинальное сообщение", "пересылаемое сообщение",
    "вихідне повідомлення", "оригінальне повідомлення", "оригинално съобщение", "αρχικό μήνυμα", "הודעה מקורית",
    "الرسالة الأصلية", "پیام اصلی", "pesan asli", "mesej asal", "thư gốc", "tin nhắn gốc", "ข้อความต้นฉบับ", "原始邮件",
    "原始郵件", "原邮件", "元のメッセージ", "원본 메시지", "원본메시지", "원본 메일", "original e-?mail", "original mail",
    "ursprüngliche e?-?mail", "original-?e?-?mail", "mail original", "e-mail original", "courriel original",
    "correo original", "e-?mail originale", "oorspronkelijke e?-?mail", "původní e-?mail", "pôvodný e-?mail",
    "původní email", "eredeti levél", "oryginalny e-?mail", "orijinal e-?posta", "исходное письмо", "оригинальное письмо",
    "оригінальний лист",
)  # fmt: skip
SEPARATOR = re.compile(rf"[-_*=–—]{{2,}}\s?(?:{'|'.join(_ORIGINAL)})\s?:?\s?[-_*=–—]{{2,}}\Z", re.IGNORECASE)
# `>>> Nora Keller <nora@desk.example> 3/2/2026 10:11 AM >>>` and `"Nora Keller" ---02.03.2026 10:11:05---`
GROUPWARE = re.compile(
    r">>> ?\S.{3,200}\d\s?(?:[ap]m )?>>>\s*\Z|.{3,80} ---\d{1,2}[./]\d{1,2}[./]\d{4} \d{1,2}:\d{2}(?::\d{2})?(?: [AP]M)?---|"
    r"original message processed by \w{2,20}",
    re.IGNORECASE,
)
# What other desks write above their mails; always dressed with dashes and the like.
ABOVE_LINE = re.compile(
    r"[-=#*_–—~+ ]{2,}.{0,40}\b(?:(?:reply|answer|respond|write|type).{0,30}above this line|"
    r"antwort\w*.{0,30}(?:oberhalb|über) diese[r]? (?:linie|zeile)|(?:oberhalb|über) diese[r]? (?:linie|zeile).{0,20}antwort\w*|"
    r"répond\w*.{0,30}au-dessus de cette ligne|respond\w*.{0,30}(?:encima|arriba) de esta línea|"
    r"rispond\w*.{0,30}sopra (?:a )?questa (?:riga|linea)|(?:antwoord|reageer)\w*.{0,30}boven deze (?:lijn|regel)|"
    r"respond\w*.{0,30}acima desta linha|svar\w*.{0,30}(?:ovenfor|ovanför|over) denne? (?:linje|linjen|rad))",
    re.IGNORECASE,
)
_FORWARDED = (
    "forwarded message", "original message forwarded", "weitergeleitete nachricht", "message transféré",
    "mensaje reenviado", "missatge reenviat", "mensagem encaminhada", "mensagem reencaminhada", "messaggio inoltrato",
    "messaggio inoltrato da", "doorgestuurd bericht", "videresendt meddelelse", "videresendt melding",
    "vidarebefordrat meddelande", "välitetty viesti", "edasi saadetud kiri", "przekazana wiadomość",
    "wiadomość przekazana", "přeposlaná zpráva", "preposlaná správa", "posredovano sporočilo", "proslijeđena poruka",
    "továbbított üzenet", "mesaj redirecționat", "iletilen mesaj", "iletilmiş mesaj", "пересланное сообщение",
    "переслане повідомлення", "препратено съобщение", "προωθημένο μήνυμα", "הודעה שהועברה", "رسالة معاد توجيهها",
    "pesan terusan", "thư đã chuyển tiếp", "转发的邮件", "轉寄的郵件", "転送されたメッセージ", "전달된 메시지",
)  # fmt: skip
_BEGIN_FORWARD = (
    "begin forwarded message", "anfang der weitergeleiteten nachricht", "début du message réexpédié",
    "début du message transféré", "inicio del mensaje reenviado", "início da mensagem encaminhada",
    "inizio messaggio inoltrato", "begin doorgestuurd bericht", "videresendt besked", "videresendt meddelelse",
    "vidarebefordrat brev", "välitetty viesti alkaa", "początek przekazywanej wiadomości", "začátek přeposlané zprávy",
    "továbbított levél kezdete", "начало переадресованного сообщения", "iletilen ileti başlangıcı", "下面是被转发的邮件",
    "開始轉寄訊息", "転送されたメッセージ", "전달된 메시지 시작",
)  # fmt: skip
FORWARD = re.compile(
    rf"(?:[-_*=–—]{{2,}}\s?(?:{'|'.join(_FORWARDED)})\s?:?\s?[-_*=–—]{{2,}}|(?:{'|'.join(_BEGIN_FORWARD)})\s?[:：])\Z",
    re.IGNORECASE,
)
# Not the Finnish reply `VS`, which is the Danish forward, too.
FORWARD_SUBJECT = re.compile(
    r"\s*(?:\[[^\]]{1,40}\]\s*)*(?:fwd?|wg|tr|rv|enc|vb|vl|i|pd|doorst|πρθ|ilt|továbbítás|пересл|转发|轉寄|전달|הועבר)"
    r"\s?[:：]",
    re.IGNORECASE,
)
_LABELS = {
    "from": "from|von|absender|afsender|avsender|avsändare|de|de la|no|од|प्रेषक|da|van|från|fra|frá|lähettäjä|kellelt|saatja|nuo|od|feladó|kimden|gönderen|от|від|из|od koga|"
    "pošiljatelj|expediteur|expéditeur|remitente|mittente|afzender|από|מאת|من|از|dari|từ|จาก|发件人|寄件者|寄件人|"
    "差出人|送信者|보낸 사람|보낸사람",
    "sent": "sent|date|date d'envoi|fecha de envío|data di invio|gesendet|gesendet am|datum|envoyé|envoyé le|enviado|enviado el|enviado em|enviada em|enviat|fecha|"
    "data|inviato|inviato il|verzonden|verzonden op|skickat|sendt|dato|sent þann|lähetetty|päivämäärä|saadetud|kuupäev|"
    "nosūtīts|išsiųsta|wysłano|wysłane|odesláno|odoslané|dátum|poslano|küldve|elküldve|trimis|trimis la|gönderildi|"
    "gönderme tarihi|tarih|отправлено|дата|надіслано|відправлено|изпратено|στάλθηκε|ημερομηνία|נשלח|תאריך|تاريخ الإرسال|"
    "التاريخ|ارسال|dikirim|tanggal|đã gửi|ngày|ส่ง|วันที่|发送时间|日期|傳送時間|寄件日期|送信日時|日付|日時|"
    "보낸 날짜|날짜|послато|ارسال شده|भेजा गया|दिनांक|terkirim|tanggal kirim|siunčiama",
    "to": "to|an|empfänger|destinataire|destinatario|destinatário|ontvanger|modtager|mottaker|mottagare|odbiorca|příjemce|получатель|à|a|para|per a|aan|till|til|vastaanottaja|kellele|saaja|kam|do|komu|za|címzett|către|kime|alıcı|"
    "кому|до|προς|אל|إلى|به|kepada|ke|tới|đến|ถึง|收件人|收件者|宛先|받는 사람|받는사람|"
    "prima|адресат|प्रति|untuk|adressaat|adresāts|skirta|viðtakandi|за",
    "cc": "cc|kopie|copie à|copie|copia|kopi|kopia|dw|kópia|másolat|bilgi|копия|копія|κοιν|抄送|副本|참조",
    "subject": "subject|betreff|objet|asunto|assumpte|assunto|oggetto|onderwerp|ämne|emne|efni|aihe|teema|temats|tema|"
    "temat|předmět|predmet|zadeva|tárgy|subiect|konu|тема|относно|θέμα|נושא|الموضوع|موضوع|subyek|perihal|chủ đề|"
    "เรื่อง|主题|主旨|件名|제목",
    "reply-to": "reply-to|antwort an|antwoord naar|répondre à|responder a|risposta|rispondi a|svar till|svar til|"
    "organization|organisation|importance|priority|attachments|anlagen|wichtigkeit|priorität",
}  # fmt: skip
LABELS = {
    role: re.compile(rf"\*{{0,2}}(?:{names})\s?\*{{0,2}}\s?[:：]\*{{0,2}}(?:\s|\Z|\S)", re.IGNORECASE)
    for role, names in _LABELS.items()
}
# Labels of a journey or an appointment: without an address among them they say nothing of a mail.
PLACE_AND_TIME = re.compile(
    r"\*{0,2}(?:from|to|date|von|nach|an|datum|de|à|a|para|data|fecha|da|van|aan|från|fra|till|til|dato|do|od|no|no\.|absender|empfänger|destinataire|expéditeur|destinatario|remitente)\s?\*{0,2}[:：]",
    re.IGNORECASE,
)
MOBILE = re.compile(
    r"(?:sent (?:from|via|with|on|using) |.{0,24}\boutlook\b.{0,14}\b(?:ios|android)\b.{0,20}\Z|.{0,16}(?:ios|android).{0,12}\boutlook\b.{0,12}\Z|gesendet (?:von|mit|aus|über) |(?:diese (?:nachricht|e-?mail) wurde )?"
    r"(?:von|mit|über) .{2,60} (?:gesendet|verschickt)|diese nachricht wurde von meinem |"
    r"envoyé (?:de|depuis|à partir de|avec|via|par) |"
    r"enviado (?:desde|do meu|do|de|con|com|a partir) |inviato (?:da|dal|con) |"
    r"verzonden (?:vanaf|met|via|vanuit) |verstuurd (?:vanaf|met|via) |"
    r"sendt (?:fra|med|via) |skickat (?:från|med) |lähetetty .{2,40}(?:sta|stä|lla|lta)|"
    r"wysłan[eyo]? (?:z|za pomocą|przez) |odesláno z|odoslané z|(?:el)?küldve |.{2,30} küldve|trimis (?:de pe|din) |"
    r".{2,40}['’]?(?:dan|den|tan|ten) gönderildi|enviat des d|poslano (?:iz|s|sa|z) |послато са |saadetud (?:minu|seadme)|"
    r"nosūtīts no |išsiųsta iš |sent úr |senduð úr |"
    r"отправлено (?:с|из) |надіслано (?:з|із) |изпратено от |στάλθηκε από |נשלח מ|أُ?رسلت? من |ارسال شده از |"
    r"(?:dikirim|terkirim) dari |(?:đã |được )?gửi từ |ส่งจาก|从我的.{1,20}发送|從我的.{1,20}(?:傳送|寄出)|發自我的|发自我的|"
    r".{2,30}から送信|나의 .{1,20}에서 보냄|.{2,20}에서 보냄)",
    re.IGNORECASE,
)
# What such lines advertise: with one of these names a line is nobody's sentence.
PRODUCT = re.compile(
    r"\b(?:i(?:phone|pad|os)|android|outlook|samsung|galaxy|huawei|xiaomi|blackberry|proton ?mail|protonmail|tuta(?:nota)?|"
    r"superhuman|spark|yahoo|gmx|web\.de|t-online|aol|mailspring|fairemail|k-9|mail for windows)",
    re.IGNORECASE,
)
