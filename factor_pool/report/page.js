(async () => {
  if (!window.DecompressionStream) {
    document.getElementById("old").hidden = false;
    return;
  }
  const packed = Uint8Array.from(atob(document.getElementById("plotly").textContent),
    (c) => c.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const library = document.createElement("script");
  library.textContent = await new Response(stream).text();
  document.head.append(library);
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const touch = window.matchMedia("(pointer: coarse)").matches;
  for (const [name, figure] of Object.entries(figures)) {
    if (touch) {  // a finger on a chart scrolls the page
      figure.layout.dragmode = false;
      figure.layout.xaxis.fixedrange = figure.layout.yaxis.fixedrange = true;
    }
    await Plotly.newPlot(name, figure.data, figure.layout,
      { displayModeBar: false, responsive: true });
  }
  document.documentElement.dataset.drawn = Object.keys(figures).length;
})();
