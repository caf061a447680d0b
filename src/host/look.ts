import type { ExtensionUIContext } from "@mariozechner/pi-coding-agent";
import { defaultSettings, type Settings } from "../core/settings.ts";
import { ascii, plain } from "../ui/width.ts";

/** The host's dialogs that we use. */
export type Dialogs = Pick<ExtensionUIContext, "select" | "input" | "editor">;

export interface LookTerms {
  readonly read: () => Promise<Settings>;
  /** Something on the screen is drawn otherwise from now on. */
  readonly changed: () => void;
  /** Reading went wrong; must not throw. */
  readonly failed: (error: unknown) => void;
}

/** How everything of ours looks in one session, by the settings as they were last read: asking never waits. */
export class Look {
  readonly #terms: LookTerms;
  #settings: Settings | undefined;
  #isAsked = false;

  constructor(terms: LookTerms) {
    this.#terms = terms;
  }

  /** Whether only ASCII is drawn. Who asks before that is known makes it known, and then `changed` is called. */
  get isAscii(): boolean {
    if (this.#settings === undefined && !this.#isAsked) this.refresh().catch(this.#terms.failed);
    return this.#settings?.ui.glyphs === "ascii";
  }

  /** The most lines of the widget. */
  get linesMax(): number {
    return (this.#settings ?? defaultSettings).widget.lines;
  }

  /** Reads the settings anew. */
  async refresh(): Promise<void> {
    this.#isAsked = true;
    const before = this.#settings ?? defaultSettings;
    const settings = await this.#terms.read();
    this.#settings = settings;
    const isSame = settings.ui.glyphs === before.ui.glyphs && settings.widget.lines === before.widget.lines;
    if (!isSame) this.#terms.changed();
  }

  /** A text that the host shows as it is, without the escapes that what workers and files say may hold. */
  spelled(text: string): string {
    const shown = harmless(text);
    const spelled = ascii(shown);
    return spelled !== shown && this.isAscii ? spelled : shown;
  }

  /** The same dialogs, which speak as everything else does. */
  dialogs(ui: Dialogs): Dialogs {
    return {
      select: async (title, options, terms) => {
        const spelled = options.map((option) => this.spelled(option));
        const isTold = new Set(spelled).size === options.length;
        // What looks the same in ASCII, as 👍 and 👎 do, is no choice.
        const shown = isTold ? spelled : options.map((option, at) => `${at + 1}. ${harmless(option)}`);
        const chosen = await ui.select(this.spelled(title), shown, terms);
        return chosen === undefined ? undefined : options[shown.indexOf(chosen)];
      },
      input: (title, hint, terms) => ui.input(this.spelled(title), hint && this.spelled(hint), terms),
      // What is edited stays as it is.
      editor: (title, text) => ui.editor(this.spelled(title), text),
    };
  }
}

function harmless(text: string): string {
  return text.split("\n").map(plain).join("\n");
}
