import { Html } from "./html.ts";

/** Colours by what they mean; every pair of text and ground has a contrast of 4.5 or more in both schemes, what a chart draws 3. Paper is light. */
const css = `
:root { --ground:#fbfbfa; --card:#fff; --text:#1d2226; --soft:#59636b; --line:#dfe3e6; --link:#0b5fae;
  --good:#1a7f4b; --bad:#b3261e; --warn:#8a5a00; --work:#0b5fae; --idle:#6a747c; --wash:#f0f2f4;
  --in:#1f5fbf; --read:#6a93cb; --made:#a37fcb; --out:#6a3fa8; --money:#b8740a; }
@media screen and (prefers-color-scheme: dark) { :root { --ground:#14171a; --card:#1b1f23; --text:#e6e9ec; --soft:#a0aab2; --line:#31373d;
  --link:#7db8f5; --good:#5cc98e; --bad:#ff8a80; --warn:#e3b341; --work:#7db8f5; --idle:#98a2aa; --wash:#22272c;
  --in:#7db0f2; --read:#4a74ad; --made:#8564b3; --out:#c3a6f0; --money:#e3b341; } }
* { box-sizing:border-box; } html { scroll-behavior:smooth; -webkit-text-size-adjust:100%; }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior:auto; } }
body { margin:0 auto; max-width:66rem; padding:2rem 1.25rem 4rem; background:var(--ground); color:var(--text);
  font:16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; overflow-wrap:anywhere; }
h1, p, pre, dd { unicode-bidi:plaintext; } .diff { unicode-bidi:normal; } a { color:var(--link); text-underline-offset:.2em; } :focus-visible { outline:2px solid var(--link); outline-offset:2px; }
.skip { position:absolute; left:-99rem; } .skip:focus { left:1rem; top:1rem; background:var(--card); padding:.5rem 1rem; }
h1 { font-size:1.75rem; line-height:1.25; margin:.25rem 0 .75rem; letter-spacing:-.01em; text-wrap:balance; }
h2 { font-size:1.2rem; margin:0 0 1rem; } h3 { font-size:1.05rem; margin:0 0 .5rem; } h4 { font-size:.9rem; margin:1.1rem 0 .35rem; }
small, .more, .kicker, footer, dt { color:var(--soft); font-weight:400; } small, footer { font-size:.82rem; }
.kicker { margin:0; font-size:.85rem; } p { margin:.5rem 0; } .reason { border-left:3px solid var(--warn); padding:.1rem 0 .1rem .75rem; white-space:pre-wrap; }
.next { background:var(--wash); border-radius:.5rem; padding:.5rem .75rem; font-size:.92rem; }
section { margin-top:2.75rem; scroll-margin-top:1rem; } footer { margin-top:3rem; border-top:1px solid var(--line); padding-top:1rem; }
nav ul { list-style:none; display:flex; flex-wrap:wrap; gap:.35rem 1.1rem; padding:.75rem 0; margin:1.5rem 0 0; border-block:1px solid var(--line); }
dl { display:flex; flex-wrap:wrap; gap:.5rem 2rem; margin:.75rem 0; } dl div { min-width:0; } dt { font-size:.78rem; } dd { margin:0; font-variant-numeric:tabular-nums; }
.badge { display:inline-block; font-size:.82rem; font-weight:600; padding:.05rem .55rem; border:1px solid currentColor; border-radius:1rem; white-space:nowrap; }
article { background:var(--card); border:1px solid var(--line); border-radius:.75rem; padding:1rem 1.15rem; margin:0 0 1rem; scroll-margin-top:1rem; }
article:target { border-color:var(--link); } article h3 .badge { margin-left:.4rem; }
pre, code { font:.85rem/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; } pre { margin:.3rem 0; white-space:pre-wrap; } .claim { max-height:32rem; overflow:auto; }
article > pre, details > pre { background:var(--wash); border-radius:.5rem; padding:.65rem .8rem; }
article:target > .fold::details-content { content-visibility:visible; } .fold > summary h3 { display:inline; color:var(--text); }
article:has(> .fold:not([open])) { padding-block:.1rem; margin-bottom:.5rem; }
details { margin:.6rem 0; } summary { cursor:pointer; color:var(--link); font-size:.92rem; }
.scroll { overflow-x:auto; } table { border-collapse:collapse; font-size:.85rem; width:100%; font-variant-numeric:tabular-nums; overflow-wrap:break-word; }
caption { position:absolute; width:1px; height:1px; overflow:hidden; clip-path:inset(50%); }
th, td { text-align:left; vertical-align:top; padding:.35rem .75rem .35rem 0; border-bottom:1px solid var(--line); min-width:3.5rem; }
td:last-child { min-width:8rem; } thead th { color:var(--soft); font-weight:500; white-space:nowrap; } tbody th { font-weight:500; }
.talk { list-style:none; margin:.75rem 0; padding:0; } .talk li { border-left:2px solid var(--line); padding:.1rem 0 .1rem .8rem; margin:0 0 .8rem; }
.talk b { font-size:.8rem; font-weight:600; color:var(--soft); } .talk .call { border-color:var(--work); } .talk .said { border-color:var(--good); }
.talk .wrong { border-color:var(--bad); } .added { color:var(--good); } .removed { color:var(--bad); } .thought pre { font-style:italic; }
svg { display:block; } svg text { font-size:13px; fill:var(--text); } svg .more { font-size:11.5px; fill:var(--soft); } svg .name { font-weight:600; }
.graph a { text-decoration:none; } .graph rect { fill:var(--card); stroke:currentColor; stroke-width:1.25; } .graph .glyph { font-size:15px; fill:currentColor; }
.graph a:hover rect, .graph a:focus rect { fill:var(--wash); } .graph .held rect { stroke-width:2.5; }
.edge { fill:none; stroke:var(--idle); stroke-width:1.25; opacity:.7; } .edge.held { stroke:var(--text); stroke-width:2.25; opacity:1; }
.tick { stroke:var(--line); } .still { fill:var(--warn); opacity:.14; } .asked { fill:var(--ground); }
.b-completed { fill:var(--good); } .b-failed { fill:var(--bad); } .b-lost, .b-cancelled { fill:var(--idle); } .b-running { fill:var(--work); }
.s-completed { color:var(--good); } .s-failed { color:var(--bad); } .s-running { color:var(--work); }
.s-waiting, .s-blocked, .s-retrying, .s-stopping { color:var(--warn); } .s-pending, .s-queued, .s-cancelled, .s-skipped { color:var(--idle); }
.k-input { fill:var(--in); background:var(--in); } .k-cacheRead { fill:var(--read); background:var(--read); }
.k-cacheWrite { fill:var(--made); background:var(--made); } .k-output { fill:var(--out); background:var(--out); } .k-cost { fill:var(--money); background:var(--money); }
.key { font-size:.82rem; color:var(--soft); } .key span { white-space:nowrap; margin-right:.8rem; } .key i { display:inline-block; width:.7rem; height:.7rem; border-radius:2px; margin-right:.35rem; }
@media (max-width: 40rem) { body { padding:1.25rem .9rem 3rem; } h1 { font-size:1.4rem; } article { padding:.8rem .85rem; } dl { gap:.4rem 1.4rem; } }
@media print { body { max-width:none; print-color-adjust:exact; } .claim { max-height:none; } .claim, .scroll { overflow:visible; } details::details-content { content-visibility:visible; } .graph { max-width:100%; height:auto; } nav, .skip { display:none; } article { break-inside:avoid; } }
`;

/** How a report looks. */
export const style = new Html(`<style>${css}</style>`);
