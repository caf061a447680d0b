import type { Described, ResourceFile } from "./definition.ts";
import type { Fields } from "./fields.ts";

/** Keys that every kind of definition has. */
export const describedKeys = ["name", "description", "triggers", "useWhen", "avoidWhen", "cost", "category"];
export const describedAliases = {
  trigger: "triggers",
  use_when: "useWhen",
  avoid_when: "avoidWhen",
};

const nameShape = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** The part that agents, teams and workflows share. The file's stem is the name where the front matter gives none. */
export function readDescribed(place: ResourceFile, fields: Fields): Described {
  const name = fields.text("name") ?? place.stem;
  if (!nameShape.test(name)) {
    const remedy = "use 1 to 64 letters, digits, . _ and -, beginning with a letter or digit";
    fields.report("name", `${place.kind} name ${JSON.stringify(name.slice(0, 80))} is not usable`, remedy);
  }
  const description = fields.text("description");
  if (description === undefined) {
    const remedy = "add description: one line about what it is for";
    fields.report("description", `${place.kind} "${name.slice(0, 80)}" has no description`, remedy, false);
  }
  const cost = fields.oneOf("cost", ["free", "cheap", "expensive"], false);
  const category = fields.hints("category", false)[0];
  return {
    name,
    description: description ?? "",
    source: place.source,
    file: place.file,
    triggers: fields.hints("triggers", true),
    useWhen: fields.hints("useWhen", false),
    avoidWhen: fields.hints("avoidWhen", false),
    ...(cost && { cost }),
    ...(category && { category }),
  };
}

/** Skill names of a key, with the line that names them; `false` means none. */
export function readSkills(fields: Fields): { readonly skills?: { names: readonly string[]; line: number } } {
  const names = fields.list("skills");
  return names ? { skills: { names, line: fields.line("skills") } } : {};
}
