import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const look = fileURLToPath(new URL("look.mjs", import.meta.url));
const patienceMs = 60_000;
const flags = [
  ...["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"],
  ...["--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--enable-logging=stderr"],
];

/** What a browser finds in a page. */
export interface Look {
  readonly title: string;
  /** Elements by name. */
  readonly elements: Readonly<Record<string, number>>;
  /** Columns of pixels that the page is wider than its window. */
  readonly overflow: number;
  readonly background: string;
  /** Texts whose contrast to their ground is below 4.5. */
  readonly faint: readonly string[];
  /** What a reader who sees nothing would miss. */
  readonly unnamed: readonly string[];
  /** What was asked of the network or the disk. */
  readonly requests: readonly string[];
}

/** Opens an HTML file's text in a real browser, `width` pixels wide. Throws when it wrote anything to its console. */
export async function openInBrowser(report: string, width: number, scheme: "light" | "dark"): Promise<Look> {
  const looking = (await readFile(look, "utf8")).replace("export default ", "");
  const place = await mkdtemp(join(tmpdir(), "muster-browser-"));
  const file = join(place, "page.html");
  const quoted = report.replaceAll("&", "&amp;").replaceAll('"', "&quot;");
  const script = `onload = () => { document.body.textContent = JSON.stringify((${looking})(document.querySelector("iframe"))); };`;
  await writeFile(
    file,
    `<!doctype html><meta charset="utf-8"><body><iframe width="${width}" height="800" srcdoc="${quoted}"></iframe><script>${script}</script>`,
  );
  try {
    const own = [`--user-data-dir=${join(place, "profile")}`, "--dump-dom"];
    const dark = `--blink-settings=preferredColorScheme=${scheme === "dark" ? 0 : 1}`;
    const { stdout, stderr } = await run([...flags, dark, ...own, `file://${file}`]);
    const said = stderr.split("\n").filter((line) => line.includes(":CONSOLE"));
    if (said.length > 0) throw new Error(`the browser's console says:\n${said.join("\n")}`);
    const text = /<body>([\s\S]*)<\/body>/.exec(stdout)?.[1]?.trim() ?? "";
    const plain = text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&nbsp;", " ");
    return JSON.parse(plain.replaceAll("&amp;", "&"));
  } finally {
    await rm(place, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function run(args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  for (const name of names) {
    try {
      return await promisify(execFile)(name, args, { timeout: patienceMs, maxBuffer: 64 * 1024 * 1024 });
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
    }
  }
  throw new Error(
    `reports are looked at in a real browser: install one (apt-get install chromium), no ${names}`,
  );
}
