import type { Action } from "./action.ts";
import { artifacts } from "./artifacts.ts";
import { cancel } from "./cancel.ts";
import { config } from "./config.ts";
import { doctor } from "./doctor.ts";
import { events } from "./events.ts";
import { get } from "./get.ts";
import { helpOn } from "./help.ts";
import { list } from "./list.ts";
import { plan } from "./plan.ts";
import { recommend } from "./recommend.ts";
import { run } from "./run.ts";
import { status } from "./status.ts";
import { summary } from "./summary.ts";
import { validate } from "./validate.ts";
import { wait } from "./wait.ts";

/** Everything that can be asked for. Tool schema, slash commands, completion and help are made from this. */
export const actions: readonly Action[] = [
  run,
  plan,
  recommend,
  status,
  wait,
  list,
  summary,
  get,
  events,
  artifacts,
  cancel,
  validate,
  config,
  doctor,
  helpOn(() => actions),
];
