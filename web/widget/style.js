/** How the chat looks. Colours follow the `color-scheme` of the page; `--hadir-…` are the site's to set. */

export const css = `
:host{all:initial;color-scheme:inherit;position:fixed;bottom:var(--gap);inset-inline-end:var(--gap);z-index:var(--hadir-z,2147483000);
--ink:light-dark(#16181d,#eceef2);--faint:light-dark(#5b6170,#a0a7b4);--line:light-dark(#e7e8ec,#262a32);--edge:light-dark(#868c99,#737a88);--ground:light-dark(#f8f8fa,#0d0f12);--card:light-dark(#fff,#15181d);--good:light-dark(#17774a,#5cd196);--warn:light-dark(#865800,#f2c464);--bad:light-dark(#b3202a,#ff9f9a);
--accent:var(--hadir-accent,light-dark(#4a45c4,#aab0ff));--on:var(--hadir-on-accent,light-dark(#fff,#0d0f12));--gap:var(--hadir-inset,20px);
font:14px/1.45 var(--hadir-font,Inter,system-ui,sans-serif);color:var(--ink)}
:host([hidden]),[hidden]{display:none!important}
*,:before{box-sizing:border-box;margin:0;font:inherit}
button{padding:0;border:0;background:none;color:inherit;cursor:pointer}
button:hover{opacity:.85}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
svg{display:block;margin:auto;width:20px;fill:none;stroke:currentColor;stroke-width:1.75;stroke-linecap:round;stroke-linejoin:round}
.bubble{position:relative;width:52px;height:52px;border-radius:26px}
.bubble,.send,.mine .text{border:1px solid transparent;background:var(--accent);color:var(--on)}
.bubble svg{width:24px}
dialog:modal+.bubble{visibility:hidden}
.badge{position:absolute;top:-6px;inset-inline-end:-6px;min-width:24px;padding:0 5px;border:2px solid var(--card);border-radius:12px;background:var(--bad);color:var(--card);font-size:12px;font-weight:600;line-height:20px}
dialog{position:absolute;inset:auto;bottom:64px;inset-inline-end:0;flex-direction:column;width:376px;max-width:calc(100vw - 2*var(--gap));height:600px;max-height:calc(100dvh - 84px - var(--gap));padding:0;overflow:hidden;border:1px solid var(--line);border-radius:var(--hadir-radius,14px);background:var(--card);color:var(--ink);box-shadow:0 12px 40px -12px #0003;overflow-wrap:anywhere;transition:opacity .16s,translate .16s}
dialog[open]{display:flex}
@starting-style{dialog[open]{opacity:0;translate:0 8px}}
header,.composer,.asking,.line{display:flex;align-items:center;gap:8px}
header,.composer{padding:12px;border:solid var(--line);border-width:0 0 1px}
.composer{align-items:end;border-width:1px 0 0}
.who{flex:1;padding-inline-start:4px}
h2{font-size:15px;font-weight:600}
.line{gap:6px;color:var(--faint);font-size:13px}
.line:before{content:"";flex:none;width:8px;height:8px;border:4px solid var(--good);border-radius:4px}
[data-shape=away]:before,[data-shape=left]:before{border:1.5px solid var(--faint)}
[data-shape=away]:before{border-inline-start-width:4px}
[data-shape=maybe]:before{border:1.5px dashed var(--warn)}
.faces{display:flex}.faces:empty{display:none}
img{width:32px;height:32px;border-radius:16px;object-fit:cover;border:2px solid var(--card)}
img+img{margin-inline-start:-10px}
.icon{flex:none;width:38px;height:38px;border-radius:10px}
.welcome{padding:16px 16px 0;font-size:15px}
.log{flex:1;min-height:0;padding:0 16px 12px;overflow-y:auto;overscroll-behavior:contain;outline-offset:-3px}
.row{display:flex;flex-direction:column;align-items:start}
.mine{align-items:end}
.day,.head{color:var(--faint);font-size:12px}
.day{margin:16px auto 0}
.head{margin:12px 2px 0}
.text{max-width:85%;margin-top:4px;padding:7px 12px;border:1px solid var(--line);border-radius:12px;background:var(--ground);white-space:pre-wrap}
.text+.head{margin-top:2px}
.failed .text{border:1px dashed var(--bad);background:none;color:inherit}
a{color:var(--accent)}
.mine a{color:inherit}
.plain{padding:4px;color:var(--accent);font-weight:500}
.row .plain{padding:2px;font-size:12px}
.asking :last-child{color:var(--faint)}
.writing,.note{margin:0;padding:0 18px 8px}
.writing:after{content:" …";animation:dots .8s infinite alternate}
@keyframes dots{to{opacity:.2}}
.note{color:var(--warn)}
.asking{flex-wrap:wrap;margin:0 16px 12px;padding:12px;border:1px solid var(--line);border-radius:12px}
.asking p{width:100%}
.field{flex:1;min-width:0;padding:8px 12px;border:1px solid var(--edge);border-radius:10px;background:var(--card);color:var(--ink);outline-offset:-1px}
::placeholder{color:var(--faint);opacity:1}
textarea{field-sizing:content;max-height:132px;resize:none}
@media(max-width:480px){dialog{position:fixed;inset:0;width:100%;max-width:none;height:100dvh;max-height:none;border:0;border-radius:0;padding:env(safe-area-inset-top)0 env(safe-area-inset-bottom)}.field{font-size:16px}}
@media print{:host{display:none}}
@media(prefers-reduced-motion){*{transition:none!important;animation:none!important}}`;
