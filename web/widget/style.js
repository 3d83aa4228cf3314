/** How the chat looks. Colours follow the `color-scheme` of the page; `--hadir-…` are the site's to set. */

export const css =
  ":host{all:initial;color-scheme:inherit;position:fixed;bottom:var(--gap);" +
    "inset-inline-end:var(--gap);z-index:var(--hadir-z,2147483000);" +
  "--gap:var(--hadir-inset,20px);--faint:light-dark(#5b6170,#a0a7b4);" +
    "--line:light-dark(#e7e8ec,#262a32);--card:light-dark(#fff,#15181d);" +
    "--warn:light-dark(#865800,#f2c464);" +
  "--accent:var(--hadir-accent,light-dark(#4a45c4,#aab0ff));" +
    "--on:var(--hadir-on-accent,light-dark(#fff,#0d0f12));" +
  "font:14px/1.45 var(--hadir-font,Inter,system-ui,sans-serif);color:light-dark(#16181d,#eceef2)}" +
  ":host([hidden]),[hidden]{display:none!important}" +
  "*,:before{box-sizing:border-box;margin:0;font:inherit;color:inherit}" +
  ":focus-visible{outline:2px solid var(--accent);outline-offset:2px}" +
  "button{padding:0;border:0;background:none;cursor:pointer}" +
  "svg{display:block;margin:auto;width:22px;fill:none;stroke:currentColor;stroke-width:2;" +
    "stroke-linecap:round;stroke-linejoin:round}" +
  ".bubble{width:52px;height:52px;border-radius:26px}" +
  ".icon{width:38px;height:38px;border-radius:12px}" +
  ".bubble,.send,.mine .text{border:1px solid var(--accent);background:var(--accent);color:var(--on)}" +
  "b{position:absolute;top:-6px;inset-inline-end:-6px;min-width:24px;" +
    "border:2px solid var(--accent);border-radius:12px;background:var(--card);color:var(--accent);" +
    "font-size:12px;font-weight:600;line-height:20px}" +
  "dialog{position:absolute;inset-inline:auto 0;bottom:64px;flex-direction:column;" +
    "width:min(376px,100vw - 2*var(--gap));max-width:none;" +
    "height:min(600px,100dvh - 84px - var(--gap));max-height:none;padding:0;overflow:hidden;" +
    "border:1px solid var(--line);border-radius:var(--hadir-radius,14px);background:var(--card);" +
    "overflow-wrap:anywhere}" +
  "dialog[open],.bar,.line{display:flex}" +
  ".bar,.line{align-items:center;gap:8px}" +
  ".bar{padding:12px}" +
  ".wide,.log{flex:1;min-width:0;outline-offset:-2px}" +
  "h2{font-weight:600}" +
  ".line,.head{color:var(--faint);font-size:12px}" +
  ".head{margin-top:8px}" +
  ".line:before{content:'';width:8px;height:8px;border:4px solid light-dark(#17774a,#5cd196);" +
    "border-radius:4px}" +
  ".away:before,.left:before{border:1px solid var(--faint)}" +
  ".away:before{border-inline-start-width:4px}" +
  ".maybe:before{border:1px dashed var(--warn)}" +
  ".log{border:solid var(--line);border-width:1px 0;overflow-y:auto}" +
  ".log,.note{padding:8px 16px}" +
  ".row{display:grid;justify-items:start}" +
  ".mine{justify-items:end}" +
  ".text{max-width:85%;margin-top:4px;padding:8px 12px;border:1px solid var(--line);" +
    "border-radius:12px;white-space:pre-wrap}" +
  ".failed .text{border:1px dashed var(--warn);background:none;color:inherit}" +
  ".warn{color:var(--warn)}" +
  ".plain{padding:4px;color:var(--accent)}" +
  "textarea,input{padding:8px 12px;border:1px solid var(--faint);border-radius:12px;background:none}" +
  "::placeholder{color:var(--faint);opacity:1}" +
  "textarea{field-sizing:content;max-height:132px;resize:none}" +
  "@media(max-width:480px){dialog{position:fixed;inset:0;width:100%;height:100dvh;border:0;" +
    "border-radius:0}.wide{font-size:16px}}";
