"""The look of every report: one style sheet, read from the file itself, no network."""

from __future__ import annotations

__all__ = ["STYLE"]

STYLE = """
:root {
  --ink: #1c2430; --soft: #566173; --faint: #8a94a3; --line: #e3e7ec; --wash: #f6f8fa;
  --accent: #1f5fa8; --good: #1b7f4b; --good-wash: #eef8f2; --bad: #b4391f; --bad-wash: #fdf2ef;
  --even: #8a6100; --even-wash: #fdf7e7;
  --text: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans",
    "PingFang SC", "Hiragino Sans GB", "Microsoft YaHei", "Noto Sans CJK SC",
    "WenQuanYi Micro Hei", sans-serif;
  --mono: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono",
    "Noto Sans Mono CJK SC", monospace;
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: #fff; color: var(--ink); font: 16px/1.6 var(--text);
  font-variant-numeric: tabular-nums; overflow-wrap: break-word; }
main { max-width: 54rem; margin: 0 auto; padding: 3rem 1.5rem 4rem; }
header p.kind { margin: 0; color: var(--soft); font-size: .875rem; letter-spacing: .01em; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: .25rem 0 .5rem; letter-spacing: -.015em;
  font-weight: 650; text-wrap: balance; }
h2 { font-size: 1.2rem; line-height: 1.3; margin: 3rem 0 .75rem; padding-top: 1rem;
  border-top: 1px solid var(--line); font-weight: 650; letter-spacing: -.005em; }
h3 { font-size: 1rem; margin: 1.75rem 0 .5rem; font-weight: 650; }
p { margin: .6rem 0; max-width: 44rem; }
a { color: var(--accent); }
.soft { color: var(--soft); }
.verdict { margin: 1.5rem 0; padding: 1rem 1.25rem; border-left: 4px solid var(--accent);
  background: var(--wash); border-radius: 0 6px 6px 0; }
.verdict p { margin: 0; font-size: 1.125rem; line-height: 1.5; text-wrap: pretty; }
.verdict p + p { margin-top: .4rem; font-size: .95rem; color: var(--soft); }
.verdict.good { border-color: var(--good); background: var(--good-wash); }
.verdict.bad { border-color: var(--bad); background: var(--bad-wash); }
.verdict.even { border-color: var(--even); background: var(--even-wash); }
.numbers { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr));
  gap: 1rem 1.5rem; margin: 1.5rem 0; }
.numbers div { border-top: 2px solid var(--ink); padding-top: .4rem; }
.numbers dt { color: var(--soft); font-size: .82rem; }
.numbers dd { margin: 0; font-size: 1.35rem; line-height: 1.3; font-weight: 600; }
.numbers dd small { display: block; font-size: .8rem; font-weight: 400; color: var(--soft);
  line-height: 1.4; }
.numbers, .facts { padding: 0; }
.scroll { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
p.caption { color: var(--soft); font-size: .87rem; line-height: 1.5; margin: -.4rem 0 1rem; }
th { text-align: left; font-weight: 600; color: var(--soft); font-size: .82rem;
  border-bottom: 1.5px solid var(--ink); vertical-align: bottom; }
th, td { padding: .4rem .9rem .4rem 0; white-space: nowrap; }
td { border-bottom: 1px solid var(--line); vertical-align: top; }
td.wrap { white-space: normal; min-width: 10rem; }
th.number, td.number { text-align: right; }
th:last-child, td:last-child { padding-right: 0; }
td small { display: block; color: var(--faint); font-size: .8rem; line-height: 1.35;
  font-weight: 400; }
tr.ours td { font-weight: 650; background: #f2f7fd; }
tr.ours td:first-child { box-shadow: inset 3px 0 0 var(--accent); padding-left: .7rem; }
tr.best td.best { color: var(--good); }
.facts { display: grid; grid-template-columns: minmax(8rem, max-content) 1fr; gap: .25rem 1.5rem;
  margin: 1rem 0; font-size: .93rem; }
.facts dt { color: var(--soft); }
.facts dd { margin: 0; min-width: 0; }
figure { margin: 1.25rem 0 1.75rem; }
figure .narrow { display: none; }
figure svg { display: block; width: 100%; height: auto; }
figure svg text { font-family: var(--text) !important; }
figcaption { color: var(--soft); font-size: .87rem; line-height: 1.5; margin-top: .5rem;
  max-width: 44rem; }
code, pre { font-family: var(--mono); font-size: .86em; }
.whole { white-space: nowrap; }
pre { background: var(--wash); border: 1px solid var(--line); border-radius: 6px;
  padding: .75rem 1rem; white-space: pre-wrap; line-height: 1.5; margin: .75rem 0; font-size: .84rem; }
ul { padding-left: 1.2rem; max-width: 44rem; }
li { margin: .25rem 0; }
.tag { display: inline-block; font-size: .75rem; font-weight: 600; padding: 0 .45em;
  border-radius: 4px; background: var(--wash); color: var(--soft); }
.tag.warning { background: var(--even-wash); color: var(--even); }
.tag.fatal { background: var(--bad-wash); color: var(--bad); }
details { margin: 1rem 0; }
summary { cursor: pointer; color: var(--accent); }
footer { margin-top: 3.5rem; padding-top: 1rem; border-top: 1px solid var(--line);
  color: var(--soft); font-size: .85rem; }
@media (max-width: 40rem) {
  body { font-size: 15px; }
  main { padding: 1.5rem 1rem 3rem; }
  h1 { font-size: 1.5rem; }
  figure .wide { display: none; }
  figure .narrow { display: block; }
  table { font-size: .76rem; }
  th { font-size: .7rem; }
  th, td { padding-right: .35rem; white-space: normal; }
  td.wrap { min-width: 0; }
  td.number { white-space: nowrap; }
  td small { font-size: .68rem; white-space: normal; }
  .facts { grid-template-columns: 1fr; gap: 0; }
  .facts dd { margin-bottom: .5rem; }
}
@media print {
  @page { margin: 16mm 14mm; }
  body { font-size: 10pt; }
  main { max-width: none; padding: 0; }
  h2 { break-after: avoid; margin-top: 1.5rem; }
  figure, tr, .verdict, .numbers, pre { break-inside: avoid; }
  .scroll, pre { overflow: visible; }
  figure .wide { display: block; }
  figure .narrow { display: none; }
  .verdict, tr.ours td { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
}
"""
