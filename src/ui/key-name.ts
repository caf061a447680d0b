/** A key as our tables name it: "a", "A", "?", "up", "enter", "ctrl+c"; a paste is its text behind "paste:". */
export function keyName(data: string): string {
  if (data.startsWith(pasteStart)) return `paste:${data.slice(pasteStart.length).replace(pasteEnd, "")}`;
  const known = Object.hasOwn(plainKeys, data) ? plainKeys[data] : undefined;
  if (known !== undefined) return known;
  const code = data.charCodeAt(0);
  if (data.length === 1 && code < 27) return `ctrl+${String.fromCharCode(code + 96)}`;
  const sequence = /^(?:\[|O)(\d*)(?::(\d*))?[:\d]*(?:;(\d+)(?::\d+)?)?(?:;(\d+))?[;:\d]*([A-Zu~])$/.exec(
    data.startsWith(escapeStart) ? data.slice(1) : "",
  );
  if (sequence !== null) return sequenceName(sequence);
  if (data.startsWith(escapeStart)) return [...data].length === 2 ? `alt+${data.slice(1)}` : "unknown";
  return data;
}

const escapeStart = "\x1b";
const pasteStart = "\x1b[200~";
const pasteEnd = "\x1b[201~";
const plainKeys: Readonly<Record<string, string>> = {
  ...{ "\r": "enter", "\n": "enter", "\t": "tab", "\x1b": "escape", "\x7f": "backspace", "\b": "backspace" },
};
const finals: Readonly<Record<string, string>> = {
  ...{ A: "up", B: "down", C: "right", D: "left", H: "home", F: "end", M: "enter", Z: "shift+tab" },
};
const tildes: Readonly<Record<string, string>> = {
  ...{ 1: "home", 7: "home", 4: "end", 8: "end", 3: "delete", 5: "pageUp", 6: "pageDown" },
};
const codes: Readonly<Record<number, string>> = {
  ...{ 9: "tab", 13: "enter", 27: "escape", 127: "backspace", 8: "backspace" },
  // The keypad, as the kitty protocol numbers it.
  ...{ 57414: "enter", 57417: "left", 57418: "right", 57419: "up", 57420: "down" },
  ...{ 57421: "pageUp", 57422: "pageDown", 57423: "home", 57424: "end" },
};

/** Sequences of the old terminals, of xterm's modifyOtherKeys and of the kitty protocol. */
function sequenceName([, first = "", shifted, modifier = "1", third, final = ""]: RegExpExecArray): string {
  const isOther = final === "~" && first === "27" && third !== undefined;
  const held = Number(modifier) - 1;
  const [isShift, isAlt, isCtrl] = [(held & 1) > 0, (held & 2) > 0, (held & 4) > 0];
  let name: string;
  if (final === "u" || isOther) {
    const code = Number(isOther ? third : first);
    const character = code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : "unknown";
    const upper = shifted
      ? String.fromCodePoint(Math.min(Number(shifted), 0x10ffff))
      : character.toUpperCase();
    name = codes[code] ?? (isShift ? upper : character);
  } else name = (final === "~" ? tildes[first] : finals[final]) ?? "unknown";
  if (isShift && name === "tab") name = "shift+tab";
  return `${isCtrl ? "ctrl+" : ""}${isAlt ? "alt+" : ""}${name}`;
}
