/**
 * Runs in the outer page, which a report's own policy does not bind; looks into the frame that holds the report.
 * @param {any} frame
 * @returns {object} a `Look` (browser.ts)
 */
export default function look(frame) {
  const { contentDocument: page, contentWindow: window } = frame;
  const all = [...page.querySelectorAll("*")];
  /** @type {Record<string, number>} */
  const elements = {};
  for (const { localName } of all) elements[localName] = (elements[localName] ?? 0) + 1;
  const numbers = (/** @type {string} */ color) => (color.match(/[\d.]+/g) ?? []).map(Number);
  const light = (/** @type {string} */ color) => {
    const parts = numbers(color).map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * (parts[0] ?? 0) + 0.7152 * (parts[1] ?? 0) + 0.0722 * (parts[2] ?? 0);
  };
  /** @type {(element: any) => string} */
  const ground = (element) => {
    if (element === null) return "rgb(255, 255, 255)";
    const color = window.getComputedStyle(element).backgroundColor;
    return numbers(color)[3] === 0 ? ground(element.parentElement) : color;
  };
  const faint = all.filter((element) => {
    const hasText = [...element.childNodes].some((node) => node.nodeType === 3 && node.nodeValue?.trim());
    if (!hasText || ["style", "title"].includes(element.localName)) return false;
    const { color, fill } = window.getComputedStyle(element);
    const isDrawn = ["text", "tspan"].includes(element.localName);
    const pair = [light(isDrawn ? fill : color), light(ground(element))].sort((a, b) => b - a);
    return ((pair[0] ?? 0) + 0.05) / ((pair[1] ?? 0) + 0.05) < 4.5;
  });
  const levels = [...page.querySelectorAll("h1,h2,h3,h4")].map(({ localName }) => Number(localName[1]));
  const unnamed = [
    ...["header", "nav", "main", "footer"].filter((name) => page.querySelectorAll(name).length !== 1),
    ...[...page.querySelectorAll("svg,nav,[role=region]")].filter((one) => !one.getAttribute("aria-label")),
    ...[...page.querySelectorAll("table")].filter((one) => !one.querySelector("thead th") || !one.caption),
    ...[...page.querySelectorAll("a")].filter(
      (link) => page.getElementById((link.getAttribute("href") ?? "").slice(1)) === null,
    ),
    ...levels.filter((level, at) => level > (levels[at - 1] ?? 0) + 1).map((level) => `heading ${level}`),
  ];
  const { scrollWidth, clientWidth } = page.documentElement;
  const markup = (/** @type {any} */ one) => (typeof one === "string" ? one : one.outerHTML.slice(0, 120));
  return {
    title: page.title,
    elements,
    overflow: scrollWidth - clientWidth,
    background: window.getComputedStyle(page.body).backgroundColor,
    faint: faint.map(markup),
    unnamed: unnamed.map(markup),
    requests: window.performance
      .getEntriesByType("resource")
      .map((/** @type {{ name: string }} */ { name }) => name),
  };
}
