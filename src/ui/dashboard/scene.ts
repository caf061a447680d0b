import type { Experience } from "../../core/estimate.ts";
import type { StoredEvent } from "../../core/events.ts";
import type { AttemptStory } from "../../core/explain.ts";
import type { RunId, TaskId } from "../../core/plan.ts";
import type { FileProblem, RunListing } from "../../core/ports.ts";
import type { Liveness } from "../../core/process.ts";
import type { RunState } from "../../core/state.ts";
import type { RunView } from "../../core/view.ts";
import type { Tally } from "../changes.ts";
import type { Answer, Front, Box as Typed } from "../screen.ts";
import type { ToolLook } from "../tool-block.ts";
import type { Line } from "../width.ts";
import type { Drawings } from "./drawings.ts";
import type { GraphRows } from "./graph.ts";
import type { Transcript } from "./transcript.ts";

export const panes = ["tasks", "timeline", "worker", "mail", "changes", "cost", "health", "events"] as const;
export type PaneName = (typeof panes)[number];

/** Everything that is looked at; whoever feeds the dashboard keeps it up to date. */
export interface Scene {
  /** All runs of the project, newest first. */
  readonly listings: readonly RunListing[];
  /** Older ones are still being read. */
  readonly isPartial?: boolean;
  /** Whose session looks; absent: every run counts as its own. */
  readonly sessionId?: string;
  /** The selected one; absent until it is read, and where it cannot be. */
  readonly run?: OpenRun;
  /** The selected task's newest attempt, or the one that was asked for. */
  readonly transcript?: Transcript;
  /** How the host draws what tools do; the same as long as somebody looks. */
  readonly toolLook?: ToolLook;
  /** What is known of the files that attempts changed, by `task/attempt`. */
  readonly touched?: ReadonlyMap<string, Touched>;
  /** What earlier runs among them tell of each agent; absent: it is looked up anew. */
  experience?(): ReadonlyMap<string, Experience>;
  /** Keeps what takes long to draw; absent: it is drawn anew. */
  readonly drawings?: Drawings;
  /** A typed command's line, about this run unless it names one; absent: as it was typed. */
  aimed?(name: string, line: string, run: string): string;
  /** What came of the last thing that was asked for. */
  readonly answer?: Answer;
}

/** The files that an attempt changed, and by how much. */
export interface Touched extends Tally {
  readonly files: readonly { readonly path: string }[];
  /** There was more than was read. */
  readonly isPartial: boolean;
}

/** A run that was read to its end. */
export interface OpenRun {
  readonly view: RunView;
  readonly state: RunState;
  readonly events: readonly StoredEvent[];
  /** Its attempts by start; made when somebody looks. */
  stories(): readonly AttemptStory[];
  readonly graph: GraphRows;
  readonly driver: Liveness | "none";
  /** Where its files are, absolute. */
  readonly directory: string;
  readonly problems: readonly FileProblem[];
}

/** What is chosen and how it is looked at. Nothing of a run is in here. */
export interface Dashboard extends Front<Intent> {
  /** Absent: the first of the list. */
  readonly run?: RunId;
  /** Absent: the one that is worth a look. */
  readonly task?: TaskId;
  /** The mail that was seen chosen: keys mean it wherever it stands by now. Absent: the first of the list. */
  readonly letter?: { readonly run: RunId; readonly id: string };
  /** Absent: the newest. */
  readonly attempt?: number;
  readonly focus: "runs" | "pane";
  /** Runs are chosen on the board instead of in the list. */
  readonly isBoard: boolean;
  readonly pane: PaneName;
  /** The pane has the whole screen. */
  readonly isAlone: boolean;
  /** The chosen row of a list, the top row of a text; absent at its beginning, or at the end of what is followed. */
  readonly at: Readonly<Partial<Record<PaneName | "page", number | undefined>>>;
  readonly search: string;
  /** The pane in which nothing was found of it. */
  readonly missed?: PaneName | undefined;
  readonly isRaw: boolean;
  /** A page over everything: the keys, an answer, a letter, what a task changed or is to do, or a record. */
  readonly page?: "help" | "answer" | "letter" | "changes" | "task" | "event";
  readonly box?: Box;
  /** What was typed and refused: a box that asks for the same begins with it. */
  readonly unsent?: Box;
}

/** What is being typed. */
export interface Box extends Typed {
  readonly kind: "filter" | "search" | "steer" | "send" | "respond" | "reject" | "command";
  /** What the finished text belongs to: parameters of the action. */
  readonly about: Readonly<Record<string, string>>;
}

/** What the dashboard wants done; the same as anybody asks for with a command. */
export type Intent =
  | { readonly kind: "close" }
  | {
      readonly kind: "perform";
      readonly action: string;
      readonly parameters: Readonly<Record<string, unknown>>;
    }
  | { readonly kind: "command"; readonly name: string; readonly line: string }
  | { readonly kind: "copy"; readonly text: string }
  /** The plan of this run, in an editor. */
  | { readonly kind: "edit"; readonly run: RunId }
  /** The part of the transcript before what is there. */
  | { readonly kind: "older" };

/** What a key meets: the state, what is looked at, and how much of it is seen. */
export interface Moment {
  readonly state: Dashboard;
  readonly scene: Scene;
  /** Ms since the epoch. */
  readonly now: number;
  /** Rows and columns of the pane's text. */
  readonly rows: number;
  readonly columns: number;
}

/** What a key makes of it. */
export interface Step {
  readonly state: Dashboard;
  readonly intent?: Intent;
}

/** A pane's content, drawn only as far as it is visible. */
export interface Body {
  readonly head: readonly Line[];
  readonly length: number;
  /** `columns`: what there is to fill. */
  row(index: number, columns: number): Line;
  readonly foot: readonly Line[];
  /** Rows are chosen; otherwise the text is scrolled. */
  readonly isList: boolean;
  /** Without a position the end is shown. */
  readonly isFollowing: boolean;
}

export const noDashboard: Dashboard = {
  ...{
    focus: "runs",
    isBoard: false,
    pane: "tasks",
    isAlone: false,
    at: {},
    filter: "",
    search: "",
    isRaw: false,
  },
};
