/** Rules of the scripted model (docs/scripted-model.md) as the end-to-end tests need them. */

/**
 * How the worker whose task text holds `[name]` behaves: one list of parts an answer. A lead that is told of the run, its
 * goal quoted, is no worker.
 */
export function worker(name: string, ...turns: readonly (readonly object[])[]): object {
  const when = { prompt: `[${name}]`, system: "# How you work in this team" };
  return { name, when, turns, usage: { input: 1_000, output: 100, cost: 0.25 } };
}

/** A call of the worker's own `submit_result`. */
export function submit(result: string, rest: object = {}): object {
  return { tool: "submit_result", arguments: { result, ...rest } };
}

/** A call of the host's shell. */
export function bash(command: string): object {
  return { tool: "bash", arguments: { command } };
}

/** A shell command that ends once the file is there. */
export function waitFor(file: string): object {
  return bash(`until [ -e ${file} ]; do sleep 0.1; done`);
}

/** A call of the host's `write`. */
export function write(path: string, content: string): object {
  return { tool: "write", arguments: { path, content } };
}

/** A call of the host's `edit`. */
export function edit(path: string, oldText: string, newText: string): object {
  return { tool: "edit", arguments: { path, edits: [{ oldText, newText }] } };
}
