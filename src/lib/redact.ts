/** What stands where a secret stood. */
export const redactionMark = "[redacted]";

/** Takes secrets out of text before it is written anywhere. Idempotent; time grows linearly with the text. */
export interface Redactor {
  redact(text: string): string;
  /**
   * The same JSON value with every string redacted, and whole strings replaced under keys that name a secret
   * (`password`, `apiKey`). Numbers, booleans and keys stay as they are. A list or object that lies deeper than 64
   * levels is replaced as a whole, so that what comes back can be written as JSON.
   */
  redactValue<T>(value: T): T;
  /** Characters of the longest value that it knows: so much of a text that is not through may hide half of one. */
  readonly longest: number;
}

/** A value shorter than this is too likely to be a part of ordinary text. */
const secretMinLength = 8;
/** Deeper than any JSON of ours; a cycle ends here too. */
const depthMax = 64;
/** Text is looked through in slices of at most this length, each cut within its last `cutMaxLength` characters. */
const sliceMaxLength = 1_000_000;
const cutMaxLength = 50_000;
/** A private key block is never longer than this; a header without an end within it is text about keys. */
const keyBlockMaxLength = 20_000;

/**
 * Knows the exact values of all variables in `environment` whose name says that they are secret, and the shapes of
 * well-known keys.
 */
export function createRedactor(environment: Readonly<Record<string, string | undefined>>): Redactor {
  const secrets = secretsOf(environment);
  const redact = (text: string): string => {
    if (text.length < secretMinLength) return text;
    let clean = text;
    for (const secret of secrets) {
      if (clean.includes(secret)) clean = clean.replaceAll(secret, redactionMark);
    }
    return redactShapes(clean);
  };
  const walk = (value: unknown, key: string, depth: number): unknown => {
    if (typeof value === "string") return redactUnder(key, redact(value));
    if (typeof value !== "object" || value === null) return value;
    if (depth === depthMax) return redactionMark;
    if (Array.isArray(value)) return value.map((item) => walk(item, key, depth + 1));
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => [name, walk(item, name, depth + 1)]),
    );
  };
  // `walk` keeps the structure of all JSON of ours and every type in it; only the content of strings changes.
  return {
    redact,
    redactValue: <T>(value: T): T => walk(value, "", 0) as T,
    longest: secrets[0]?.length ?? 0,
  };
}

const secretName =
  /(?:API_?KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIAL)S?(?:_|$)|(?:^|_)(?:KEYS?|PASS|PAT|AUTH)(?:_|$)/;
const nameOfPlace = /_(?:FILE|PATH|DIR|SOCK|NAME|HOME)$|^GOOGLE_APPLICATION_CREDENTIALS$/;
const nameOfCount = /TOKENS(?:_|$)|TOKEN_(?:LIMIT|COUNT|BUDGET|MAX)/;

/**
 * Longest first, so that a secret that contains another goes as a whole; each long line of a secret of several, too,
 * because logs tear it apart. The frame of a key block is no secret: the shape of the block is known by it.
 */
function secretsOf(environment: Readonly<Record<string, string | undefined>>): readonly string[] {
  const secrets = new Set<string>();
  for (const [name, value] of Object.entries(environment)) {
    if (value === undefined) continue;
    const spelled = name.replace(/([a-z0-9])([A-Z])/g, "$1_$2").toUpperCase();
    if (!secretName.test(spelled) || nameOfPlace.test(spelled)) continue;
    if (nameOfCount.test(spelled) && /^\d+$/.test(value)) continue;
    const lines = value.split(/[\r\n]+/).map((line) => line.trim());
    for (const part of [value, ...(lines.length > 1 ? lines : [])]) {
      if (
        part.length < secretMinLength ||
        redactionMark.includes(part) ||
        /^-----(?:BEGIN|END) [A-Z0-9 ]+-----$/.test(part)
      )
        continue;
      for (const spelling of spellingsOf(part)) secrets.add(spelling);
    }
  }
  return [...secrets].sort((a, b) => b.length - a.length);
}

/** A secret as itself, as JSON and URLs spell it, and as its UTF-8 looks to those who read bytes. */
function spellingsOf(secret: string): readonly string[] {
  const spellings = [secret, JSON.stringify(secret).slice(1, -1), Buffer.from(secret).toString("latin1")];
  return secret.isWellFormed?.() === false ? spellings : [...spellings, encodeURIComponent(secret)];
}

/**
 * Keys that announce themselves. A run of key characters is looked at once, from its beginning: that keeps hostile
 * text linear. A newline escaped by JSON (`\n`) ends a run too.
 */
const start = String.raw`(?:(?<![A-Za-z0-9_-])|(?<=\\[nrt]))`;
const announcedKey = new RegExp(
  `${start}(?:${[
    "sk-(?:ant|proj|or|svcacct|live|test)-[A-Za-z0-9_-]{8,}",
    "(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{10,}",
    "gh[opusr]_[A-Za-z0-9]{16,}",
    "github_pat_[A-Za-z0-9_]{16,}",
    "glpat-[A-Za-z0-9_-]{16,}",
    "npm_[A-Za-z0-9]{30,}",
    "hf_[A-Za-z0-9]{30,}",
    "xox[abeoprs]-[A-Za-z0-9-]{10,}",
    "AIza[A-Za-z0-9_-]{30,}",
    "(?:AKIA|ASIA)[A-Z0-9]{16,}",
    String.raw`eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?`,
  ].join("|")})[A-Za-z0-9_-]*`,
  "g",
);
const plainKey = new RegExp(`${start}sk-[A-Za-z0-9_-]{16,}`, "g");
const bearer = /\b(bearer|basic)(\s{1,4}|%20)([A-Za-z0-9._~+/=-]{12,})/gi;
const passwordInUrl = /:\/\/([^\s/:@"'<>\\]{0,200}):([^\s/@"'<>\\]{1,200})@/g;

const secretWord =
  "(?:pass(?:word|wd|phrase)|pwd|secret(?:[_-]?(?:access)?[_-]?key)?|(?:api|access|auth|private|signing|encryption|account)[_-]?key|token|credentials?)";
const assignment = new RegExp(
  `(${secretWord})(\\\\{0,4}["'\`]?[ \\t]{0,4}(?::=|=>|[:=])[ \\t]{0,4})(\\\\{0,4}["'\`]?)([^\\s"'\`,;&]{3,})`,
  "gi",
);
const secretKey = new RegExp(`${secretWord}$`, "i");

function redactShapes(text: string): string {
  const clean = redactKeyBlocks(text);
  let done = "";
  let from = 0;
  // One run of 50 million characters would overflow the stack of the regular expressions.
  while (clean.length - from > sliceMaxLength) {
    const until = cutBefore(clean, from + sliceMaxLength);
    done += redactSlice(clean.slice(from, until));
    from = until;
  }
  return done + redactSlice(clean.slice(from));
}

/** A place near `end` where no secret is cut: behind a line, a comma or any other character that keys do not have. */
function cutBefore(text: string, end: number): number {
  const tail = text.slice(end - cutMaxLength, end);
  for (const separator of [/\n/, /,/, /[^A-Za-z0-9_.~+/=-]/]) {
    for (let at = tail.length; at > 0; at -= 1) {
      if (separator.test(tail.charAt(at - 1))) return end - cutMaxLength + at;
    }
  }
  // All of it is one run, far longer than any key: nothing in its middle is one.
  return end;
}

function redactSlice(text: string): string {
  return text
    .replace(announcedKey, redactionMark)
    .replace(plainKey, (run) => (looksRandom(run.slice(3)) ? redactionMark : run))
    .replace(bearer, (all: string, word: string, gap: string, run: string) =>
      (/basic/i.test(word) ? /\d|=$/.test(run) : looksRandom(run)) ? `${word}${gap}${redactionMark}` : all,
    )
    .replace(passwordInUrl, `://$1:${redactionMark}@`)
    .replace(assignment, (all: string, word: string, sign: string, quote: string, value: string) =>
      isPlaceholder(word, value) || (quote === "" && isCode(sign, value))
        ? all
        : `${word}${sign}${quote}${redactionMark}`,
    );
}

/** A word joined by hyphens is no key; a run with digits, or long and unbroken, may be one. */
function looksRandom(run: string): boolean {
  return /\d/.test(run) || /[^-_./]{20}/.test(run);
}

/** References and stand-ins: `$TOKEN`, `{{key}}`, `<your key>`, `OPENAI_API_KEY`, `***`, `password=password`, counts. */
function isPlaceholder(word: string, value: string): boolean {
  if (value === redactionMark || /^[$%{<]/.test(value) || /^(.)\1*[\])}>]*$/.test(value)) return true;
  if (/^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$/.test(value)) return true;
  if (value.replace(/[\])}>]+$/, "").toLowerCase() === word.toLowerCase()) return true;
  return !/pass|pwd|secret/i.test(word) && /^[\d.]+[\])}]*$/.test(value);
}

/** Unquoted, it may be a program: `token = read()`, `key: string`, `password=config.password`. */
function isCode(sign: string, value: string): boolean {
  const bare = value.replace(/[\])}>?.]+$/, "");
  if (bare.length < 3 || /[([{]/.test(value.replaceAll(redactionMark, ""))) return true;
  if (/^[A-Za-z_]\w*(?:\??\.[A-Za-z_]\w*)+$/.test(bare)) return true;
  if (/^(?:true|false|null|none|undefined|string|str|unknown|any|number|optional|required)$/i.test(bare)) {
    return true;
  }
  // Only `name=value` without spaces is an assignment for certain; elsewhere the value must look like no word.
  return sign !== "=" && !/\d/.test(bare);
}

function redactUnder(key: string, text: string): string {
  const word = secretKey.exec(key)?.[0];
  const prose = /\s/.test(text.trim()) && !/passphrase/i.test(key);
  if (word === undefined || text.length < 3 || prose || isPlaceholder(word, text)) return text;
  return redactionMark;
}

/** PEM and PGP private keys, whatever their line ends. Ends are searched once, so many headers cost no more than one. */
function redactKeyBlocks(text: string): string {
  if (!text.includes("-----BEGIN ")) return text;
  const begin = /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----/g;
  const end = /-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----/g;
  let clean = "";
  let copied = 0;
  let endAt = -1;
  for (let found = begin.exec(text); found !== null; found = begin.exec(text)) {
    while (endAt <= found.index) endAt = end.exec(text) === null ? Number.POSITIVE_INFINITY : end.lastIndex;
    const until = endAt - found.index <= keyBlockMaxLength ? endAt : endOfKeyLines(text, begin.lastIndex);
    clean += text.slice(copied, found.index) + (until > begin.lastIndex ? redactionMark : found[0]);
    copied = until;
    begin.lastIndex = until;
  }
  return clean + text.slice(copied);
}

/** Where the lines of a cut-off key end: `from` itself when none follow. */
function endOfKeyLines(text: string, from: number): number {
  const lines = /(?:(?:\s|\\[nr]){1,4}[A-Za-z0-9+/=]{16,100}){1,400}/y;
  lines.lastIndex = from;
  return lines.exec(text) === null ? from : lines.lastIndex;
}
