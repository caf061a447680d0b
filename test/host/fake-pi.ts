import type {
  ExtensionAPI,
  ExtensionCommandContext,
  ExtensionContext,
  MessageRenderer,
  ToolDefinition,
} from "@mariozechner/pi-coding-agent";

type Handler = (event: unknown, ctx: ExtensionContext) => unknown;
type Command = Parameters<ExtensionAPI["registerCommand"]>[1];
interface Sent {
  readonly message: {
    readonly customType: string;
    readonly content: unknown;
    readonly display: boolean;
    readonly details?: unknown;
  };
  readonly options: { readonly triggerTurn?: boolean; readonly deliverAs?: string } | undefined;
}

/** What outlives an instance of the extension: the session file and the screen. */
export class FakeSession {
  readonly id = "session-1";
  readonly entries: unknown[] = [];
  readonly sent: Sent[] = [];
  readonly notes: { readonly text: string; readonly level: string | undefined }[] = [];
  widget: unknown;
  /** What lies over everything. */
  overlay: Overlay | undefined;
  status: string | undefined;
  isIdle = true;
  /** As the successor host does. */
  abortsFirst = false;
  hasUI = true;
  mode: "tui" | "rpc" | "json" | "print" = "tui";
  /** What the person types at the moment. */
  typed = "";
  /** The dialogs that were opened, and the answers to the next ones; without one a dialog stays open. */
  readonly asked: Asked[] = [];
  readonly answers: ((asked: Asked) => string | undefined)[] = [];

  dialog(asked: Asked, signal: AbortSignal): Promise<string | undefined> {
    this.asked.push(asked);
    const answer = this.answers.shift();
    if (answer !== undefined) return Promise.resolve(answer(asked));
    return new Promise((resolve) => {
      signal.addEventListener("abort", () => resolve(undefined), { once: true });
    });
  }
}

interface Overlay {
  readonly screen: {
    render(width: number): string[];
    handleInput(data: string): void;
    handleMouse(event: unknown): unknown;
  };
  readonly terminal: { columns: number; rows: number };
}

/** A dialog: a list to choose from, or an input. */
export interface Asked {
  readonly title: string;
  readonly options?: readonly string[];
  readonly hint?: string;
}

/** The host around one instance of the extension: strict where the real one is, a recorder everywhere else. */
export class FakePi {
  readonly session: FakeSession;
  readonly tools = new Map<string, ToolDefinition>();
  readonly commands = new Map<string, Command>();
  readonly shortcuts = new Map<string, (ctx: ExtensionContext) => void>();
  readonly renderers = new Map<string, MessageRenderer>();
  readonly #handlers = new Map<string, Handler[]>();
  /** While the factory runs only registration works. */
  isLoading = true;
  isStale = false;
  foreignTool: string | undefined;
  renders = 0;

  constructor(session: FakeSession) {
    this.session = session;
  }

  get api(): ExtensionAPI {
    const api = {
      on: (event: string, handler: Handler) =>
        this.#handlers.set(event, [...(this.#handlers.get(event) ?? []), handler]),
      registerTool: (tool: ToolDefinition) => this.tools.set(tool.name, tool),
      registerCommand: (name: string, command: Command) => this.commands.set(name, command),
      registerShortcut: (key: string, shortcut: { handler(ctx: ExtensionContext): void }) =>
        this.shortcuts.set(key, shortcut.handler),
      registerMessageRenderer: (type: string, renderer: MessageRenderer) =>
        this.renderers.set(type, renderer),
      sendMessage: (message: Sent["message"], options: Sent["options"]) => {
        this.#act();
        this.session.sent.push({ message, options });
        // What waits in a queue is not in the session file yet.
        if (this.session.isIdle && options?.deliverAs !== "nextTurn") this.#deliver(message);
      },
      appendEntry: (customType: string, data: unknown) => {
        this.#act();
        this.session.entries.push({ type: "custom", customType, data });
      },
      getThinkingLevel: () => "medium",
      getAllTools: () => {
        this.#act();
        const description = this.foreignTool ?? this.tools.get("team")?.description ?? "";
        return [{ name: "team", description, sourceInfo: { path: "/other/extension.ts" } }];
      },
      exec: async () => ({ code: 0, stdout: "fake 1.0\n", stderr: "", killed: false }),
    };
    // As much of the host as the adapter touches.
    const touched: unknown = api;
    return touched as ExtensionAPI;
  }

  /** A context; once the instance is stale every touch throws, as the host's does. */
  context(): ExtensionCommandContext {
    const { session } = this;
    const members = {
      ui: () => this.#ui(),
      hasUI: () => session.hasUI,
      mode: () => session.mode,
      cwd: () => "/project",
      model: () => ({ provider: "fake", id: "model", reasoning: true }),
      sessionManager: () => ({ getSessionId: () => session.id, getEntries: () => session.entries }),
      modelRegistry: () => ({ hasConfiguredAuth: () => true }),
      isIdle: () => () => session.isIdle,
      ...(session.abortsFirst && { isProjectTrusted: () => () => true }),
    };
    const context = {};
    for (const [name, get] of Object.entries(members)) {
      Object.defineProperty(context, name, {
        get: () => {
          this.#act();
          return get();
        },
      });
    }
    return context as ExtensionCommandContext;
  }

  async emit(event: string, payload: object = {}): Promise<unknown> {
    let result: unknown;
    for (const handler of this.#handlers.get(event) ?? []) {
      result = (await handler({ type: event, ...payload }, this.context())) ?? result;
    }
    return result;
  }

  async end(reason: string): Promise<void> {
    await this.emit("session_shutdown", { reason });
    this.isStale = true;
  }

  /** The lines of the widget on the screen; undefined when there is none. */
  widgetLines(width: number): string[] | undefined {
    const { widget } = this.session;
    if (widget === undefined || Array.isArray(widget)) return widget;
    return (widget as { render(width: number): string[] }).render(width);
  }

  overlayLines(columns: number, rows: number): string[] {
    const { overlay } = this.session;
    if (overlay === undefined) return [];
    Object.assign(overlay.terminal, { columns, rows });
    return overlay.screen.render(columns);
  }

  overlayKey(data: string): void {
    this.session.overlay?.screen.handleInput(data);
  }

  #ui() {
    const { session } = this;
    const theme = { fg: (_: string, text: string) => text, bold: (text: string) => text };
    const requestRender = (): void => {
      this.renders += 1;
    };
    return {
      notify: (text: string, level?: string) => session.notes.push({ text, level }),
      setStatus: (key: string, text: string | undefined) => {
        if (key === "team") session.status = text;
        this.renders += Number(key !== "team");
      },
      select: (title: string, options: string[], { signal }: { signal: AbortSignal }) =>
        session.dialog({ title, options }, signal),
      input: (title: string, hint: string, { signal }: { signal: AbortSignal }) =>
        session.dialog({ title, hint }, signal),
      editor: (title: string, hint: string) => session.dialog({ title, hint }, new AbortController().signal),
      getEditorText: () => session.typed,
      custom: (make: (...given: unknown[]) => Overlay["screen"]) =>
        new Promise<void>((resolve) => {
          const terminal = { columns: 80, rows: 24 };
          const done = (): void => {
            session.overlay = undefined;
            resolve();
          };
          const screen = make({ terminal, requestRender }, theme, { matches: () => false }, done);
          session.overlay = { screen, terminal };
        }),
      setWidget: (_key: string, content: unknown) => {
        session.widget = typeof content === "function" ? content({ requestRender }, theme) : content;
      },
    };
  }

  #deliver({ customType, content, details }: Sent["message"]): void {
    this.session.entries.push({ type: "custom_message", customType, content, details });
  }

  #act(): void {
    if (this.isLoading) throw new Error("Extension runtime not initialized");
    if (this.isStale) throw new Error("This extension ctx is stale after session replacement or reload.");
  }
}
