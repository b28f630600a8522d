(() => {
  let build = null;
  const box = document.createElement("div");
  box.style.cssText = "position:fixed;z-index:99;inset:auto 1rem 1rem 1rem;max-height:70vh;overflow:auto;"
    + "padding:.8rem 1rem;border-left:6px solid #a8201a;background:#fff;color:#1f2329;"
    + "font:15px/1.6 'Noto Sans CJK SC','Microsoft YaHei',sans-serif;white-space:pre-wrap;box-shadow:0 2px 16px #0006";
  const show = (text) => { box.textContent = text; text ? document.body.append(box) : box.remove(); };
  const source = new EventSource("/__preview");
  source.onmessage = ({ data }) => {
    const state = JSON.parse(data);
    if (build !== null && state.build !== build) { location.reload(); return; }
    build = state.build;
    show(state.error ? "下面的问题改好后本页会自动刷新：\n\n" + state.error : state.busy ? "正在生成……" : "");
  };
  source.onerror = () => show("预览已停止。重新运行后本页会自动刷新。");
})();
