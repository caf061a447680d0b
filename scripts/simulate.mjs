/** `npm run simulate -- --seeds N [--seed S] [--journal]`: many worlds; exit code 1 when a seed fails. */
import { loadBundled } from "./bundled.mjs";

const { simulateSeeds } = await loadBundled("test/simulation/main.ts");
const failed = await simulateSeeds(process.argv.slice(2), console.log);
process.exitCode = failed.length > 0 ? 1 : 0;
