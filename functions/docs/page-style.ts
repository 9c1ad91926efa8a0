/** Style of the reference page; its hash stands in the page's policy. */
export const pageStyle = `
:root { color-scheme: light dark; --text: #1c2024; --soft: #60646c; --line: #e0e1e6; --back: #fff; --panel: #f7f7f8; --link: #0b5cad;
  --get: #0b6b3a; --post: #0b5cad; --put: #8a5a00; --patch: #8a5a00; --delete: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --text: #edeef0; --soft: #a9adb5; --line: #2e3135; --back: #111214; --panel: #191b1e;
  --link: #7ab8ff; --get: #5fd39a; --post: #7ab8ff; --put: #f0c060; --patch: #f0c060; --delete: #ff8f87; } }
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body { margin: 0; display: grid; grid-template-columns: 17rem minmax(0, 1fr); color: var(--text); background: var(--back);
  font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
a { color: var(--link); text-decoration: none; }
a:hover { text-decoration: underline; }
code, pre, b { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: 0.86em; }
nav { position: sticky; top: 0; height: 100vh; overflow-y: auto; padding: 1.25rem 1rem 3rem; background: var(--panel);
  border-right: 1px solid var(--line); font-size: 14px; }
nav a { display: flex; gap: 0.5rem; align-items: baseline; padding: 0.12rem 0; color: var(--text); overflow-wrap: anywhere; }
nav .brand { font-weight: 650; font-size: 16px; padding-bottom: 0.6rem; }
nav h2 { margin: 1.1rem 0 0.2rem; font-size: 12px; text-transform: uppercase; letter-spacing: 0.05em; }
nav h2 a { color: var(--soft); }
nav b { flex: none; width: 4.2em; font-size: 10.5px; white-space: nowrap; }
b { font-weight: 700; }
.GET { color: var(--get); } .POST { color: var(--post); } .PUT { color: var(--put); } .PATCH { color: var(--patch); } .DELETE { color: var(--delete); }
main { padding: 2rem clamp(1rem, 4vw, 3.5rem) 6rem; max-width: 68rem; }
h1 { margin: 0 0 0.3rem; font-size: 1.9rem; letter-spacing: -0.01em; }
.lead { color: var(--soft); margin-top: 0; }
section > h2 { margin: 2.2rem 0 0.3rem; font-size: 1.3rem; }
section > p { max-width: 44rem; }
article { padding: 1.4rem 0 1.6rem; border-top: 1px solid var(--line); }
article h3 { margin: 0; font-size: 1.05rem; }
article h3 a { color: inherit; }
article h4 { margin: 1.1rem 0 0.35rem; font-size: 0.82rem; color: var(--soft); font-weight: 600; }
article p { max-width: 46rem; margin: 0.45rem 0; }
.call { display: flex; gap: 0.7rem; align-items: baseline; }
.call code { font-size: 0.95em; overflow-wrap: anywhere; }
.facts { display: flex; flex-wrap: wrap; gap: 0.5rem; }
.facts span { border: 1px solid var(--line); border-radius: 99px; padding: 0.08rem 0.7rem; font-size: 13px; color: var(--soft); }
.codes code { display: inline-block; background: var(--panel); border: 1px solid var(--line); border-radius: 4px; padding: 0 0.4em; }
.table { overflow-x: auto; border: 1px solid var(--line); border-radius: 6px; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th, td { text-align: left; vertical-align: top; padding: 0.42rem 0.75rem; border-top: 1px solid var(--line); }
thead th { border-top: 0; color: var(--soft); font-weight: 600; font-size: 12.5px; background: var(--panel); }
td:first-child { width: 27%; overflow-wrap: anywhere; } td:nth-child(2) { width: 22%; overflow-wrap: anywhere; }
td i, .bounds, .when { color: var(--soft); font-size: 13px; font-style: normal; }
.bounds { display: inline-block; margin-right: 0.5rem; overflow-wrap: anywhere; }
.when { display: block; }
pre { margin: 0; padding: 0.8rem 1rem; background: var(--panel); border: 1px solid var(--line); border-radius: 6px; overflow-x: auto; line-height: 1.5; }
pre code { font-size: 13px; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
@media (max-width: 56rem) { body { display: block; } nav { position: static; height: auto; max-height: 45vh; border-right: 0; border-bottom: 1px solid var(--line); } td { min-width: 8rem; } }
@media print { nav { display: none; } body { display: block; } }
`;
