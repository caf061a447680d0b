import { started } from "./packed.ts";

/** Tokens, counted as characters of JSON / 4. */
export interface AlwaysOnCost {
  /** Name, description and parameters of our tools, as providers get them. */
  readonly tool: number;
  /** What the system prompt grows by: snippets, guidelines, the listing of skills. */
  readonly prompt: number;
}

/** Starts the host without and with the package, and compares what a model would be told. `home` makes a home; both share it, since its path is in the prompt. */
export async function alwaysOnCost(
  packed: string,
  home: (name: string) => Promise<string>,
): Promise<AlwaysOnCost> {
  const shared = await home("cost");
  const bare = await started(shared, []);
  const full = await started(shared, [packed]);
  const known = new Set(bare.tools.map((tool) => tool.name));
  const ours = full.tools.filter((tool) => !known.has(tool.name));
  return {
    tool: tokens(ours.map(({ name, description, parameters }) => ({ name, description, parameters }))),
    prompt: tokens(full.systemPrompt) - tokens(bare.systemPrompt),
  };
}

function tokens(value: unknown): number {
  return Math.ceil(JSON.stringify(value).length / 4);
}
