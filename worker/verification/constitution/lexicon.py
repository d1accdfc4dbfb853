"""Words of many languages that orders, duties and prohibitions are written with, as regular expressions.

German, Dutch, Spanish, Portuguese, Italian, French, Polish, Czech, Turkish, Swedish, Indonesian, Russian, Ukrainian,
Chinese, Japanese, Korean, Vietnamese, Arabic and Hebrew stand beside English; a text may mix them, so all always apply.
"""

import re  # noqa: TID251  bounded: passages.MAX_TEXT

# Verbs with which an order begins. A noun of the same form before another word («Test coverage …») orders too.
_VERBS = """
    add address adhere aim align allow always apply ask assert assign assume audit authenticate authorize avoid back
    batch be bind block build bump cache call catch centralize check choose cite clean clear close collect comment
    commit compile compose configure confirm consider consult consume contain convert cover create declare default
    define delegate delete deny depend deploy deprecate describe design detect develop disable discard display do
    document don't drop emit enable encapsulate encrypt enforce ensure escape establish exclude explain expose express
    extend extract fail favor favour fetch fix flag follow format freeze generate give group guard handle hash have
    hide honor implement import include increment index inherit initialize inject inline install instrument integrate
    invalidate isolate join justify keep label leave let limit link lint list load localize lock log maintain make
    manage mark mask match measure merge migrate minimise minimize mirror mock model modify monitor move name never
    normalize note notify obtain offer omit only open optimise optimize organize override paginate parameterize parse
    pass perform persist pin place plan prefer prepare preserve prevent prioritise prioritize process produce profile
    prohibit propagate protect prove provide publish purge push put query quote raise read rebase record redact reduce
    refactor refer reference refuse reject release rely remove rename render replace report represent require reset
    resist resolve respect restrict retain retry return reuse review rotate route run sanitise sanitize save scan
    scope search secure send separate serve set share ship show sign simplify skip sort specify split squash stage
    start state stay stick stop store stream strip structure submit supply support suppress swallow tag target test
    throttle throw trace track translate treat trigger trim trust type unify update upgrade use validate verify
    version wait warn work wrap write
"""
IMPERATIVE = re.compile(rf"^(?:{'|'.join(map(re.escape, _VERBS.split()))})\b", re.IGNORECASE)

_DUTIES = """
    muss|müssen|muß|darf (?:\\w+ )?(?:nicht|nie|kein\\w*|nur)|dürfen (?:\\w+ )?(?:nicht|nie|kein\\w*|nur)|niemals
    |verboten|untersagt|zwingend|verpflichtend|unzulässig|nicht (?:erlaubt|gestattet|zulässig)|ist zu|sind zu
    |nicht verhandelbar|moet|moeten|mag niet|mogen niet|mag geen|verplicht|verboden|nooit
    |debe|deben|debería|deberían|deberá|deberán|nunca|jamás|prohibid[oa]s?|se prohíben?|obligatori[oa]s?
    |no se permiten?|no se deben?|no puede|no pueden|hay que|queda prohibid[oa]|exige|exigen
    |deve|devem|deverá|deverão|deveria|deveriam|proibid[oa]s?|obrigatóri[oa]s?|mandatóri[oa]s?|não pode|não podem
    |é vedado|exigid[oa]s?|devono|dovrebbe|dovrebbero|vietat[oaie]|obbligatori[oaie]?|non può|non possono|mai
    |doit|doivent|devrait|devraient|jamais|interdite?s?|obligatoires?|ne peut|ne peuvent|il faut|exigée?s?|requise?s?
    |musi|muszą|nie może|nie mogą|nie wolno|nigdy|zabronion[eay]|wymagan[eay]|musí|nesmí|nikdy|zakázáno|povinné
    |zorunlu\\w*|yasak\\w*|asla|gereklidir|olmalı\\w*|edilmelidir|måste|får inte|aldrig|förbjud\\w*
    |harus|wajib|dilarang|tidak boleh|jangan
    |должен|должна|должно|должны|нельзя|запрещен[оаы]?|запрещён\\w*|запрещено|запрещается|никогда|обязательн[оаы]?
    |обязан[аоы]?|недопустим[оаы]?|не допускается|не допускаются|требуется|необходимо
    |повинен|повинна|повинно|повинні|заборонено|ніколи|обов['’]язково
    |phải|không được|cấm|bắt buộc
"""
_PLAIN = """
    soll|sollen|sollte|sollten|vermeiden|kein\\w*|nicht|nie|immer|nur|ausschließlich|mindestens|höchstens|stets
    |niet|geen|altijd|evitar|evita|evite|siempre|sempre|solo|sólo|sin|ningun[oa]?|ningún|prioriza|prioriza[rn]|mínimo
    |requerid[oa]s?|requerem|não|nenhuma?|exceto|non(?!-)|toujours|éviter|évitez|aucune?s?|uniquement|exclusivement
    |sans|ne [^.;]{1,40}? (?:pas|plus|que|rien)|n['’][^.;]{1,40}? (?:pas|plus|que)
    |nie (?:może|mogą|jest|są)|powinien|powinna|powinno|powinny|zawsze|vždy|ne smí|gerekir|edilmeli|edilmez
    |ska|bör|alltid|не|нет|без|избегать|следует|рекомендуется|всегда|только|минимум|має|мають|luôn
"""
_DUTY_SCRIPTS = (
    "必须|必需|必須|禁止|不得|不可|不允许|不允許|严禁|嚴禁|勿|拒絕|强制|強制"
    "|なければならない|なければなりません|してはならない|してはいけない|てはならない|てはいけません|必ず|義務|厳守"
    "|해야|하여야|반드시|금지|안 된다|안 됩니다|말아야|필수|절대"
    "|يجب|ممنوع|لا يجوز|חובה|אסור"
)
_PLAIN_SCRIPTS = (
    "不能|應|应当|应该|应|需要|需|須|须|一律|避免|确保|確保|不要|不(?!同|过|過|仅|僅)|無|无|仅|僅|只能|只有|只"
    "|ないこと|すべき|べき|しない|ない$|ません|する$|すること|のみ|避け|常に"
    "|하지 않|않습니다|않는다|합니다|한다$|지양|준수|없음|없이|최소|이하|이상|만 "
    "|ينبغي|יש "
)


def _joined(words: str) -> str:
    return "".join(words.split("\n")).replace("    ", "")


# Tried only where such a script stands: an alternation at each position of a long text takes its time.
_SCRIPT = r"(?=[\u0590-\u06ff\u2e80-\u9fff\uac00-\ud7af])"
FOREIGN_DUTY = re.compile(rf"\b(?=\w)(?:{_joined(_DUTIES)})(?!\w)|{_SCRIPT}(?:{_DUTY_SCRIPTS})", re.IGNORECASE)
FOREIGN_PLAIN = re.compile(rf"\b(?=\w)(?:{_joined(_PLAIN)})(?!\w)|{_SCRIPT}(?:{_PLAIN_SCRIPTS})", re.IGNORECASE)
# What lifts a duty in other languages: «nicht verpflichtend», «не обязательно», «无需».
FOREIGN_LIFTED = (
    r"\b(?=\w)(?:nicht (?:verpflichtend|zwingend|erforderlich|nötig|notwendig)|no es obligatori[oa]"
    r"|no son obligatori[oa]s|não é obrigatóri[oa]|não são obrigatóri[oa]s|n['’]est pas (?:obligatoire|requise?)"
    r"|ne sont pas (?:obligatoires|requise?s)|non è obbligatori[oa]|необязательн\w+|не обязательн\w+"
    rf"|не требуется)(?!\w)|{_SCRIPT}(?:无需|無需|無須|不必)"
)
FOREIGN_NEGATION = (
    r"\b(?=\w)(?:nie(?:mals)?|nicht|kein\w*|ohne|verboten|untersagt|unzulässig|vermeiden|niet|geen|nooit|nunca|jamás"
    r"|prohibid\w+|proibid\w+|evitar|evite|sin|ningun\w*|ningún|não|nenhuma?|sem|vietat\w+|non(?!-)|mai|interdit\w*"
    r"|jamais|aucune?s?|sans|pas|éviter|évitez|nigdy|zabronion\w+|bez|нельзя|запрещ\w+|никогда|не|без|недопустим\w*"
    r"|избегать|dilarang|jangan|tidak|yasak\w*|asla|inte|aldrig|không)(?!\w)"
    rf"|{_SCRIPT}(?:禁止|不得|不可|不允许|不允許|严禁|嚴禁|不能|不要|避免|不应|不應|勿|拒絕|無|无|してはならない|してはいけない"
    r"|てはならない|しない|ないこと|避け|ません"
    r"|금지|안 된다|안 됩니다|말아야|않습니다|않는다|없이|없음|지양|ممنوع|لا يجوز|אסור)"
)
# «no» and «nos» are «in the» where these stand beside them.
PORTUGUESE = re.compile(r"[ãõ]|ção\b|\b(?:devem?|uma|dos|das|pel[oa]|com|obrigatóri[oa]s?)\b", re.IGNORECASE)
_SPANISH = re.compile(r"\b(?:el|la|los|las|del|una|que|se|está|están|en|por|al)\b", re.IGNORECASE)
_SPANISH_NO = re.compile(r"(?<!\w)no (?:se |le |lo |la |los |las )?\w+(?:[aeo]n?|ará|erá|irá|ó)(?!\w)", re.IGNORECASE)


def denies_in_spanish(text: str) -> bool:
    """Whether «no» stands before a verb among Spanish words; in English it does not."""
    return _SPANISH_NO.search(text) is not None and len(_SPANISH.findall(text)) > 1
