import { draw, momentOf } from "../ui/browser/draw.ts";
import { definitionEntries, problemText, settingEntries } from "../ui/browser/entries.ts";
import { answered, type Browser, press, type Scene } from "../ui/browser/keys.ts";
import { words } from "../ui/strings.ts";
import { asTyped } from "./desk.ts";
import { Overlay, openOverlay, type Stage } from "./overlay.ts";
import type { LiveSession } from "./session.ts";

/** Opens the settings, or the agents, teams and workflows, with a filter; resolves when it is open. */
export async function openBrowser(
  session: LiveSession,
  name: "settings" | "resources",
  filter: string,
): Promise<void> {
  const { project } = await session.load();
  const load = async (): Promise<Scene> => {
    if (name === "resources") {
      const listed = await project.listDefinitions();
      const problems = listed.problems.map(problemText);
      return { title: words.browser.definitions, entries: definitionEntries(listed), problems, files: {} };
    }
    const listed = await project.listSettings();
    const { user, project: ours } = project.settingsFiles;
    return {
      title: words.browser.settings,
      entries: settingEntries(listed),
      problems: listed.problems.map(problemText),
      files: { user, ...(ours !== undefined && { project: ours }) },
    };
  };
  const scene = await load();
  await openOverlay(session, (stage) => new BrowserScreen(stage, scene, load, filter));
}

class BrowserScreen extends Overlay {
  readonly #load: () => Promise<Scene>;
  #scene: Scene;
  #state: Browser;

  constructor(stage: Stage, scene: Scene, load: () => Promise<Scene>, filter: string) {
    super(stage, (width, height) => draw(this.#state, this.#scene, width, height, stage.theme));
    this.#load = load;
    this.#scene = scene;
    this.#state = { filter, scope: scene.files.project === undefined ? "user" : "project", top: 0 };
  }

  protected press(key: string): void {
    const { columns, rows } = this.stage.tui.terminal;
    const { state, intent } = press(momentOf(this.#state, this.#scene, columns, rows), key);
    this.#state = state;
    if (intent?.kind === "close") this.stage.close();
    if (intent?.kind === "perform")
      this.#perform(intent.action, intent.parameters).catch(this.stage.session.report);
  }

  async #perform(action: string, raw: unknown): Promise<void> {
    const answer = await this.stage.session.perform(action, { raw }, asTyped(action));
    this.#scene = { ...(await this.#load()), answer };
    this.#state = answered(this.#state, action, answer.ok);
    this.redraw();
  }
}
