/** `npm run chaos -- --rounds N [--seed S]`: kills real processes of real runs; exit code 1 when a promise was broken. */
import { fileURLToPath } from "node:url";
import { build } from "./build.mjs";
import { installIfMissing, root } from "./repository.mjs";

const args = process.argv.slice(2);
const isRound = args.includes("--inside");
if (!isRound) {
  await installIfMissing();
  await build();
}
const { createJiti } = await import("jiti");
/** @type {typeof import("../test/chaos/main.ts")} */
const { chaos } = await createJiti(import.meta.url).import(`${root}/test/chaos/main.ts`);
const broken = await chaos(args, [process.execPath, fileURLToPath(import.meta.url)], console.log);
process.exitCode = broken > 0 ? 1 : 0;
