import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRedactor, redactionMark } from "../../src/lib/redact.ts";

const environment = {
  OPENAI_API_KEY: "value-of-openai-4711",
  npm_config__authToken: "Zx9/abc+def==",
  MULTILINE_SECRET: 'first "line"\nsecond line',
  DB_PASSWORD: "p@ss w0rd ü",
  SSH_AUTH_SOCK: "/run/user/1000/agent.sock",
  GOOGLE_APPLICATION_CREDENTIALS: "/home/somebody/creds.json",
  GIT_AUTHOR_NAME: "Some Body Long",
  KEYBOARD_LAYOUT: "german-nodeadkeys",
  PWD: "/home/somebody/project",
  MAX_TOKENS: "12345678",
  SHORT_KEY: "short",
  EMPTY_TOKEN: undefined,
};
const { redact, redactValue } = createRedactor(environment);
// Put together here, so that no scanner takes this file for a leak.
const shaped = {
  anthropic: `sk-ant-${"api03"}-Ab3dEf6hIj9kLm`,
  openai: `sk-${"Ab3dEf6hIj9kLmNoPqRsTuVw"}`,
  openaiLetters: `sk-${"abcdefghijklmnopqrstuvwxyz"}`,
  github: `ghp_${"Ab3dEf6hIj9kLmNoPqRsTuVwXyZ012345678"}`,
  githubFine: `github_pat_${"11ABCDEFG0_aaaaaaaaaaaaaaaaaaaa"}`,
  gitlab: `glpat-${"Ab3dEf6hIj9kLmNoPqRs"}`,
  npm: `npm_${"Ab3dEf6hIj9kLmNoPqRsTuVwXyZ012345678"}`,
  slack: `xoxb-${"123456789012"}-${"AbCdEfGhIjKl"}`,
  google: `AIza${"SyA1234567890abcdefghijklmnopqrstuv"}`,
  aws: `AKIA${"IOSFODNN7EXAMPLE"}`,
  jwt: `eyJ${"hbGciOiJIUzI1NiJ9"}.eyJ${"zdWIiOiIxMjM0In0"}.SflKxwRJSMeKKF2QT4`,
  pem: `-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA\nQxY=\n-----END RSA PRIVATE KEY-----`,
};

describe("redact", () => {
  it.each(Object.entries(shaped))("takes out a key of the shape %s wherever it stands", (_name, key) => {
    for (const text of [key, `say "${key}" aloud`, `x=${key}\n`, `(${key})`, `first\\n${key}\\n`]) {
      expect(redact(text)).not.toContain(key.slice(8, -1));
      expect(redact(text)).toContain(redactionMark);
    }
    expect(redact(JSON.stringify({ a: `see:\n${key}\nend` }))).not.toContain(key.slice(8, 14));
  });

  it.each([
    "password=hunter2",
    "PASSWORD=hunterhunter",
    `"apiKey": "abc def".`.replace(" def", "def"),
    `{\\"apiKey\\":\\"abcdef\\"}`,
    "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPx",
    "AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPx",
    "token: a1b2c3d4e5",
    "client_secret='zyxwvu'",
    "Authorization: Bearer abc123def456ghi789",
    "curl -H 'authorization: Basic dXNlcjpwYXNzd29yZDE='",
    "postgres://admin:verysecret@db.example/x",
    "https://:verysecret@host/",
  ])("takes the secret out of %s", (text) => {
    const secret = /hunter\w*|abcdef|wJal[\w/]+|a1b2c3d4e5|zyxwvu|abc123\w+|dXNl\w+=|verysecret/.exec(
      text,
    )?.[0];
    expect(secret).toBeDefined();
    expect(redact(text)).not.toContain(secret);
    expect(redact(text)).toContain(redactionMark);
  });

  it.each([
    `{"input": 1234, "maxTokens": 100000, "tokens": 5, "token": 12345678, "cacheRead":0}`,
    "const token = readToken();",
    "apiKey: string; password?: string",
    "password = config.password",
    "login(password=password)",
    `apiKey: "OPENAI_API_KEY", token: "\${TOKEN}"`,
    "use sk-learn-compatible-estimators for this task-implementation-of-the-parser",
    "a basic internationalization of http://localhost:8080/@scope and user@host",
    "look for -----BEGIN PRIVATE KEY----- in all files, then report",
    `${environment.GIT_AUTHOR_NAME} in ${environment.PWD} with ${environment.KEYBOARD_LAYOUT}`,
    `${environment.SSH_AUTH_SOCK} ${environment.GOOGLE_APPLICATION_CREDENTIALS} ${environment.MAX_TOKENS}`,
  ])("leaves ordinary text alone: %s", (text) => {
    expect(redact(text)).toBe(text);
  });

  it("takes out the exact values of secret variables, also as JSON and URLs spell them", () => {
    const values = [environment.OPENAI_API_KEY, environment.npm_config__authToken];
    for (const value of [...values, environment.MULTILINE_SECRET, environment.DB_PASSWORD]) {
      for (const text of [value, JSON.stringify({ a: value }), encodeURIComponent(value)]) {
        expect(redact(`before ${text} after`)).toMatch(/^before .{0,8}\[redacted\].{0,3} after$/);
      }
    }
  });

  it("takes out each long line of a secret of several lines, but never the frame of a key", () => {
    const pem = `-----BEGIN PRIVATE KEY-----\r\n${"Qx".repeat(30)}\r\nshort==\r\n-----END PRIVATE KEY-----\r\n`;
    const { redact: clean } = createRedactor({ ...environment, SIGNING_KEY: pem });
    expect(clean(`> ${"Qx".repeat(30)}`)).toBe(`> ${redactionMark}`);
    expect(clean("the second line here")).toBe(`the ${redactionMark} here`);
    expect(clean("-----BEGIN PRIVATE KEY-----")).toBe("-----BEGIN PRIVATE KEY-----");
    expect(clean(shaped.pem)).toBe(redactionMark);
  });

  it("takes out a value whose UTF-8 was read as Latin-1", () => {
    expect(redact(Buffer.from(environment.DB_PASSWORD).toString("latin1"))).toBe(redactionMark);
  });

  it("marks what lies deeper than any JSON of ours, however deep that is", () => {
    const deep: unknown = JSON.parse(
      `${'[{"a":'.repeat(100_000)}"${environment.OPENAI_API_KEY}"${"}]".repeat(100_000)}`,
    );
    const written = JSON.stringify(redactValue({ deep }));
    expect(written).toContain(redactionMark);
    expect(written).not.toContain(environment.OPENAI_API_KEY);
  });

  it("cuts a private key that lost its end", () => {
    const cut = shaped.pem.slice(0, shaped.pem.indexOf("QxY="));
    expect(redact(`${cut} and more`)).toBe(`${redactionMark}\n and more`);
  });

  it("is idempotent, and never lets a known secret through", () => {
    const pieces = fc.constantFrom(
      ...Object.values(shaped),
      ...Object.values(environment).filter((value) => value !== undefined),
      ...'password= token: "apiKey":" Bearer :// : @ -----BEGIN sk- eyJ . \\n \\ " \' = [ ] ) -'.split(" "),
      redactionMark,
      " ",
      "\n",
    );
    const text = fc.array(fc.oneof(pieces, fc.string({ maxLength: 12 })), { maxLength: 12 });
    fc.assert(
      fc.property(text, (parts) => {
        const once = redact(parts.join(""));
        expect(redact(once)).toBe(once);
        expect(once).not.toContain(environment.OPENAI_API_KEY);
        expect(once).not.toContain(environment.npm_config__authToken);
      }),
      { numRuns: 3_000 },
    );
  });

  it("keeps the structure of JSON values, their numbers and their counts", () => {
    const count = fc.record({ input: fc.nat(), maxTokens: fc.nat(), token: fc.nat(), done: fc.boolean() });
    fc.assert(
      fc.property(count, (value) => {
        expect(redactValue(value)).toEqual(value);
      }),
    );
    expect(
      redactValue({ password: 'x"y z1'.replace(" ", ""), list: [{ apiKey: "k1k2k3" }], input: 5, at: null }),
    ).toEqual({ password: redactionMark, list: [{ apiKey: redactionMark }], input: 5, at: null });
  });

  it("finds every secret in a text of several megabytes, whatever the separators", () => {
    for (const separator of ["\n", ", ", " ", "|"]) {
      const line = `${"x".repeat(97)}${separator}"apiKey": "s3cr3t"${separator}${shaped.github}${separator}`;
      const clean = redact(line.repeat(20_000));
      expect(clean.includes("s3cr3t") || clean.includes("ghp_")).toBe(false);
      expect(clean.split(redactionMark)).toHaveLength(40_001);
    }
  });

  it("needs time in proportion to hostile text: four times the text, never sixteen times the time", () => {
    const hostile = [
      "eyJ-",
      "eyJa.",
      "sk-",
      "password=",
      'token="',
      "-----BEGIN PRIVATE KEY-----",
      "://a:",
      "Bearer ",
      "aaaa",
      "-----BEGIN PRIVATE KEY-----\n \n",
      "AKIA",
      "secret: ",
      "\\n",
      "[redacted]",
    ];
    const took = (unit: string, length: number): number => {
      const text = unit.repeat(Math.ceil(length / unit.length));
      const before = process.cpuUsage().user;
      redact(text);
      return process.cpuUsage().user - before;
    };
    for (const unit of hostile) {
      took(unit, 100_000);
      const small = Math.min(took(unit, 500_000), took(unit, 500_000));
      expect(took(unit, 2_000_000), unit).toBeLessThan(10 * small + 500_000);
    }
  });
});
