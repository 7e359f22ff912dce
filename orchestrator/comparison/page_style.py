"""How the page looks, in light and in dark."""

from __future__ import annotations

CSS = """
:root {
  color-scheme: light dark;
  --page: #ffffff; --text: #1b1f24; --quiet: #59636e; --rule: #d1d9e0; --mark: #fff3c4; --note: #f6f8fa;
}
@media (prefers-color-scheme: dark) {
  :root { --page: #14171b; --text: #e6e9ec; --quiet: #9aa4ae; --rule: #3a424b; --mark: #4a3f10; --note: #1d2228; }
}
body { margin: 0; background: var(--page); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1320px; margin: 0 auto; padding: 1.5rem 1.25rem 3rem; }
h1 { font-size: 1.6rem; margin: 0 0 .5rem; }
h2 { font-size: 1.15rem; margin: 0 0 .6rem; }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(16rem, 1fr)); gap: .4rem 1.5rem; margin: 1rem 0; }
dt { color: var(--quiet); font-size: .8rem; }
dd { margin: 0; overflow-wrap: anywhere; }
.notes { margin: 1rem 0; padding: .6rem .8rem .6rem 1.8rem; background: var(--note); border-left: 4px solid #E69F00; }
figure { margin: 2.2rem 0 0; }
figcaption { margin-top: .6rem; color: var(--quiet); font-size: .87rem; max-width: 62rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .93rem; }
th, td { padding: .32rem .55rem; text-align: left; vertical-align: top; }
thead th { border-bottom: 2px solid var(--text); white-space: nowrap; }
tbody tr { border-bottom: 1px solid var(--rule); }
tbody th { font-weight: 500; white-space: nowrap; position: sticky; left: 0; background: var(--page); }
.right { text-align: right; white-space: nowrap; }
.wrap { min-width: 20rem; }
td strong { background: var(--mark); padding: .05rem .25rem; margin-right: -.25rem; border-radius: 3px; }
.panels { display: grid; grid-template-columns: repeat(auto-fill, minmax(20rem, 1fr)); gap: 1rem; }
.planes { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 34rem), 1fr)); gap: 1rem; }
.planes svg, .panels svg { width: 100%; height: auto; display: block; }
details { margin: .3rem 0; }
summary { cursor: pointer; }
.searches svg { max-width: 100%; height: auto; display: block; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: .2rem 1.3rem; margin: 0 0 .6rem; padding: 0; }
.legend svg { vertical-align: -.1em; }
"""
