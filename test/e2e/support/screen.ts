import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { node, until } from "../../support/host.ts";
import { hostArguments, type Project } from "./lead.ts";

/** The interactive host in a terminal of its own: a tmux server that nobody else has. */
export class Screen {
  readonly #socket: string;

  private constructor(socket: string) {
    this.#socket = socket;
  }

  /** `extensions`: what `-e` loads after our package. The screen stays when its host ends. */
  static async open(
    project: Project,
    columns: number,
    rows: number,
    extensions: readonly string[] = [],
  ): Promise<Screen> {
    const screen = new Screen(join(project.place.top, "tmux"));
    const environment = Object.entries({ ...project.environment(), TERM: "xterm-256color", LANG: "C.UTF-8" });
    const command = ["env", "-i", ...environment.map(([name, value]) => `${name}=${value}`), node];
    const size = ["-x", String(columns), "-y", String(rows)];
    const host = [...command, ...hostArguments({ mode: [], extensions })];
    const stays = [";", "set-option", "remain-on-exit", "on"];
    const session = ["new-session", "-d", ...size, "-c", project.directory, ...host, ...stays];
    await screen.#tmux("-f", "/dev/null", ...session);
    return screen;
  }

  /** Types names of keys (`Enter`, `Escape`), or a text letter by letter. */
  async keys(...names: readonly string[]): Promise<void> {
    await this.#tmux("send-keys", ...names);
  }
  async type(text: string): Promise<void> {
    await this.#tmux("send-keys", "-l", text);
  }
  /** Signals the host. */
  async kill(signal: NodeJS.Signals): Promise<void> {
    process.kill(Number(await this.#tmux("display-message", "-p", "#{pane_pid}")), signal);
  }
  async text(): Promise<string> {
    return this.#tmux("capture-pane", "-p");
  }
  /** Of the host. */
  async pid(): Promise<number> {
    return Number(await this.#tmux("display-message", "-p", "#{pane_pid}"));
  }
  async resize(columns: number, rows: number): Promise<void> {
    await this.#tmux("resize-window", "-x", String(columns), "-y", String(rows));
  }

  /** Waits until the screen holds what is looked for; its text. */
  async shows(what: string | RegExp): Promise<string> {
    let seen = "";
    const holds = async (): Promise<boolean> => {
      seen = await this.text();
      return typeof what === "string" ? seen.includes(what) : what.test(seen);
    };
    await until(`the screen shows ${what}`, holds).catch((error: unknown) => {
      throw new Error(`${error}\n${seen}`);
    });
    return seen;
  }

  async end(): Promise<void> {
    await this.#tmux("kill-server");
  }

  async #tmux(...args: readonly string[]): Promise<string> {
    return (await promisify(execFile)("tmux", ["-S", this.#socket, ...args])).stdout;
  }
}
