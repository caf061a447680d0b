/** `npm run simulate -- --seeds N [--seed S] [--journal]`: bundles the simulation in memory and runs it. */
import { loadBundled } from "./bundled.mjs";

await loadBundled("test/simulation/main.ts");
