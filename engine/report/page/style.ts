/** The style of the page: light and dark, one column on a phone, printable. */

export const STYLE = `
:root {
  color-scheme: light dark;
  --paper: #f6f6f3; --card: #ffffff; --ink: #17191c; --soft: #5d636b; --faint: #8c929a; --line: #e3e3de;
  --good: #16784c; --good-soft: #e2f2ea; --warn: #965a00; --warn-soft: #fbefd9; --bad: #b3261e; --bad-soft: #fbe6e4;
  --blue: #2f5fd0; --bar: #c9d5f2; --mute: #cfd2d6;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #121416; --card: #1a1d20; --ink: #eceef0; --soft: #a4abb3; --faint: #7b828a; --line: #2c3035;
    --good: #5fcf98; --good-soft: #16332a; --warn: #f0b457; --warn-soft: #3a2c12; --bad: #ff8a80; --bad-soft: #43201d;
    --blue: #8db0ff; --bar: #36476f; --mute: #464c53;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
  font-variant-numeric: tabular-nums; overflow-wrap: anywhere;
}
main { max-width: 1080px; margin: 0 auto; padding: 40px 24px 64px; }
h1, h2, h3, p, dl, dd, ol, ul, table, figure { margin: 0; padding: 0; }
ol, ul { list-style: none; }
code, .mono { font: 0.87em/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
.top { display: flex; flex-wrap: wrap; gap: 4px 14px; align-items: baseline; color: var(--soft); font-size: 14px; }
.top b { color: var(--ink); font-size: 15px; font-weight: 650; }
.verdict {
  margin: 18px 0 14px; padding: 26px 28px; border-radius: 14px; background: var(--tint); border-left: 6px solid var(--tone);
}
.verdict h1 { text-wrap: balance; font-size: clamp(23px, 4.2vw, 34px); line-height: 1.18; letter-spacing: -0.02em; font-weight: 680; }
.verdict .state { color: var(--tone); font-weight: 650; font-size: 13px; letter-spacing: 0.06em; text-transform: uppercase; margin-bottom: 6px; }
.verdict p + p, .verdict h1 + p { margin-top: 10px; max-width: 68ch; }
.good { --tone: var(--good); --tint: var(--good-soft); }
.warn { --tone: var(--warn); --tint: var(--warn-soft); }
.bad { --tone: var(--bad); --tint: var(--bad-soft); }
.none { --tone: var(--faint); --tint: var(--line); }
.tiles { display: grid; grid-template-columns: repeat(4, 1fr); gap: 14px; }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 16px 18px; }
.tile dt { color: var(--soft); font-size: 13px; }
.tile dd { font-size: 26px; line-height: 1.25; font-weight: 640; letter-spacing: -0.015em; }
.tile small { display: block; color: var(--soft); font-size: 13px; font-weight: 400; letter-spacing: 0; }
section { display: grid; grid-template-columns: 190px minmax(0, 1fr); gap: 12px 32px; padding: 34px 0; border-top: 1px solid var(--line); }
.tiles + section { margin-top: 34px; }
h2 { font-size: 18px; line-height: 1.3; letter-spacing: -0.01em; font-weight: 650; }
.aside { color: var(--soft); font-size: 13.5px; margin-top: 6px; }
.stack { display: flex; gap: 2px; height: 30px; border-radius: 8px; overflow: hidden; background: var(--line); }
.stack i { min-width: 3px; flex: var(--n) 1 0; background: var(--c); }
.legend { display: flex; flex-wrap: wrap; gap: 8px 24px; margin-top: 14px; }
.legend li { display: flex; gap: 8px; align-items: baseline; }
.dot { flex: none; width: 10px; height: 10px; border-radius: 3px; background: var(--c); }
.legend b { font-weight: 640; }
.sum { margin-top: 14px; color: var(--soft); }
.chip { display: inline-block; white-space: nowrap; color: var(--tone); background: var(--tint); border-radius: 99px; padding: 1px 10px; font-size: 12.5px; font-weight: 600; }
table { width: 100%; border-collapse: collapse; font-size: 14px; }
th { text-align: left; color: var(--soft); font-weight: 500; font-size: 13px; padding: 0 14px 6px 0; white-space: nowrap; }
td { padding: 8px 14px 8px 0; border-top: 1px solid var(--line); vertical-align: top; }
td:last-child, th:last-child { padding-right: 0; }
table.thirds { table-layout: fixed; }
.place { white-space: nowrap; font-weight: 600; }
.thirds .aside { white-space: nowrap; margin-left: 6px; }
.num { text-align: right; white-space: nowrap; }
.date { white-space: nowrap; }
.scroll { overflow-x: auto; }
.rule + .rule { margin-top: 26px; }
.rule header { display: flex; flex-wrap: wrap; gap: 2px 10px; align-items: baseline; }
.rule h3 { font-size: 15px; font-weight: 620; }
.rule header .num { margin-left: auto; }
.track { height: 8px; border-radius: 99px; background: var(--line); margin: 7px 0 0; overflow: hidden; }
.track i { display: block; height: 100%; min-width: 4px; width: var(--w); background: var(--tone); border-radius: 99px; }
.rule table { margin-top: 14px; }
.value { background: var(--bad-soft); border-radius: 4px; padding: 1px 6px; white-space: pre-wrap; }
.passed { display: flex; flex-wrap: wrap; gap: 8px; }
.rule ~ .passed { margin-top: 26px; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(236px, 1fr)); gap: 14px; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 14px 16px 12px; min-width: 0; }
.card h3 { font-size: 15px; font-weight: 640; }
.card h3 span { color: var(--faint); font-weight: 400; font-size: 13px; margin-left: 6px; }
.card svg { display: block; width: 100%; height: 56px; margin: 10px 0 0; }
.card svg rect { fill: var(--blue); }
.ends { display: flex; justify-content: space-between; gap: 12px; color: var(--soft); font-size: 12.5px; margin-top: 4px; }
.ends span:last-child { text-align: right; }
.facts { display: grid; grid-template-columns: 1fr 1fr; gap: 2px 12px; margin-top: 10px; padding-top: 10px; border-top: 1px solid var(--line); font-size: 13px; }
.facts dt { color: var(--soft); }
.facts dd { text-align: right; }
.tops { margin-top: 10px; }
.tops li { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 0 10px; font-size: 13px; margin-top: 5px; }
.tops li span:first-child { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.tops .track { grid-column: 1 / -1; height: 5px; margin: 2px 0 0; }
.tops .track i { background: var(--blue); }
.runs { display: flex; align-items: flex-end; gap: 4px; height: 110px; border-bottom: 1px solid var(--line); }
.runs li { flex: 1 1 0; max-width: 30px; height: 100%; display: flex; flex-direction: column; justify-content: flex-end; }
.runs i { display: block; background: var(--tone); opacity: 0.55; height: var(--h); min-height: 3px; border-radius: 4px 4px 0 0; }
.runs i.out { background: var(--bad); opacity: 0.9; min-height: 0; }
.runs i.out + i { border-radius: 0; }
.runs .now i { opacity: 1; }
.between { color: var(--soft); font-size: 12.5px; margin: 4px 0 18px; }
.steps { display: flex; flex-wrap: wrap; gap: 4px 22px; margin-top: 12px; font-size: 14px; color: var(--soft); }
.steps b { color: var(--ink); font-weight: 600; }
.notes li { padding: 10px 14px; border-radius: 10px; background: var(--warn-soft); }
.notes li + li { margin-top: 8px; }
footer { border-top: 1px solid var(--line); padding-top: 22px; color: var(--soft); font-size: 13.5px; }
footer p + p { margin-top: 6px; }
.this td { font-weight: 600; }
@media (max-width: 760px) {
  main { padding: 22px 16px 48px; }
  section { grid-template-columns: minmax(0, 1fr); padding: 26px 0; }
  .tiles { grid-template-columns: 1fr 1fr; gap: 10px; }
  .tile { padding: 12px 14px; }
  .tile dd { font-size: 21px; }
  .verdict { padding: 20px 18px; }
  .cards { grid-template-columns: minmax(0, 1fr); }
  .wide { display: none; }
  td, th { padding-right: 10px; }
  .chip { padding: 1px 8px; font-size: 12px; }
}
@media print {
  body { background: #fff; }
  section, .card, .rule { break-inside: avoid; }
}
`;
