import { alwaysOnCost } from "../test/package/always-on.ts";
import { withPacked } from "../test/package/packed.ts";
import type { Benchmark } from "./figure.ts";

/** What every request of the lead costs once the package is installed, used or not. */
export const alwaysOn: Benchmark = {
  name: "always-on",
  about: "schema, description, snippet, guidelines and listing of our skills; characters of JSON / 4",
  run: () =>
    withPacked(async (packed, home) => {
      const cost = await alwaysOnCost(packed, home);
      return [
        { what: "tool definition", value: cost.tool, unit: "tokens" },
        { what: "system prompt", value: cost.prompt, unit: "tokens" },
        { what: "together", value: cost.tool + cost.prompt, unit: "tokens", atMost: 1_500 },
      ];
    }),
};
