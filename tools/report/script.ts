/** What runs in the browser. It is a text here: no part of the program. */

/**
 * Draws what is in REPORT when it comes into view, and again when its place or the colours change. Legends are buttons:
 * to point at one, or to have the keyboard's focus on it, brings its lines out; to press it takes them away.
 */
export const SCRIPT = `
(() => {
  const { times, charts, light, dark, dashes } = REPORT;
  const scheme = matchMedia('(prefers-color-scheme: dark)');
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const text = (v) => v == null ? '' : String(+v.toPrecision(4));
  let printing = false;
  class Plot {
    constructor(panel, chart) {
      this.at = panel.querySelector('.plot'); this.chart = chart; this.u = null; this.off = new Set();
      this.buttons = [...panel.querySelectorAll('.keys button')];
      this.lines = chart.series.map((s) => s.of ? { ...s, values: charts[s.of[0]].series[s.of[1]].values } : s);
      this.buttons.forEach((b, k) => {
        const mine = () => this.lines.flatMap((s, i) => s.key === k ? [i + 1] : []);
        const focus = (on) => { if (this.u) this.u.series.forEach((s, i) => { if (i) s.alpha = !on || mine().includes(i) ? 1 : 0.12; }), this.u.redraw(false); };
        b.onmouseenter = b.onfocus = () => focus(true); b.onmouseleave = b.onblur = () => focus(false);
        b.onclick = () => {
          const isOn = b.getAttribute('aria-pressed') === 'true';
          b.setAttribute('aria-pressed', String(!isOn)); isOn ? this.off.add(k) : this.off.delete(k);
          if (this.u) for (const i of mine()) this.u.setSeries(i, { show: !isOn });
        };
      });
    }
    values(u) {
      const { idx } = u.cursor; const last = new Map();
      this.lines.forEach((s, i) => { const v = idx == null ? null : u.data[i + 1][idx]; if (v != null && u.series[i + 1].show) last.set(s.key, last.has(s.key) ? [...last.get(s.key), v] : [v]); });
      this.buttons.forEach((b, k) => { const v = last.get(k); const most = v && Math.max(...v), least = v && Math.min(...v); b.querySelector('output').textContent = !v ? '' : v.length === 1 ? text(v[0]) : text(least) + '–' + text(most); });
      const time = this.at.parentNode.querySelector('time'); if (time) time.textContent = idx == null ? '' : ' at ' + u.data[0][idx].toFixed(3) + ' s';
    }
    draw(width) {
      if (this.u) this.u.destroy();
      const { chart, lines } = this, isDark = scheme.matches && !printing, colours = isDark ? dark : light;
      const ink = printing ? '#566070' : css('--soft'), line = printing ? '#e6e9ee' : css('--line'), font = '12px ' + getComputedStyle(document.body).fontFamily;
      const axis = { stroke: ink, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 }, font, labelFont: font };
      const stepped = chart.stepped ? uPlot.paths.stepped({ align: 1 }) : undefined, thin = lines.length > 8;
      this.u = new uPlot({
        width: width || this.at.clientWidth || 600, height: 264, legend: { show: false }, padding: [8, 12, 0, 0],
        cursor: { sync: { key: chart.group, setSeries: false }, points: { size: 5 }, y: false },
        scales: { x: { time: false, range: (u, a, b) => [a == null || a <= times[0] ? 0 : a, b == null ? 1 : b] }, y: { range: (u, low, high) => [0, (Math.max(high || 0, chart.level || 0) || 1) * 1.05] } },
        axes: [{ ...axis, label: 'time, s', labelSize: 20, size: 34 }, { ...axis, grid: { stroke: line, width: 1 }, label: chart.unit, labelSize: 20, size: 58, values: (u, v) => v.map((n) => n >= 1e4 ? n / 1e3 + 'k' : String(+n.toPrecision(6))) }],
        series: [{}].concat(lines.map((s) => ({ label: s.label, stroke: colours[s.look[0]], width: thin ? 1 : 1.7, dash: dashes[s.look[1]], paths: stepped, points: { show: false }, show: !this.off.has(s.key) }))),
        hooks: { setCursor: [(u) => this.values(u)], drawAxes: [(u) => {
          if (chart.level == null) return;
          const { ctx, bbox } = u, y = Math.round(u.valToPos(chart.level, 'y', true));
          ctx.save(); ctx.strokeStyle = ink; ctx.setLineDash([4, 4]); ctx.beginPath(); ctx.moveTo(bbox.left, y); ctx.lineTo(bbox.left + bbox.width, y); ctx.stroke(); ctx.restore();
        }] },
      }, [times].concat(lines.map((s) => s.values)), this.at);
    }
  }
  const plots = new Map();
  for (const chart of charts) { const panel = document.getElementById(chart.id); if (panel) plots.set(panel, new Plot(panel, chart)); }
  const seen = new IntersectionObserver((entries) => { for (const e of entries) if (e.isIntersecting && !plots.get(e.target).u) plots.get(e.target).draw(); }, { rootMargin: '600px' });
  for (const panel of plots.keys()) seen.observe(panel);
  const again = () => { for (const p of plots.values()) if (p.u) p.draw(); };
  let timer = 0, width = innerWidth;
  addEventListener('resize', () => { if (innerWidth === width) return; width = innerWidth; clearTimeout(timer); timer = setTimeout(again, 150); });
  scheme.addEventListener('change', again);
  addEventListener('beforeprint', () => { printing = true; for (const d of document.querySelectorAll('details')) d.open = true; for (const p of plots.values()) p.draw(480); });
  addEventListener('afterprint', () => { printing = false; again(); });
  for (const panel of document.querySelectorAll('.panel.still')) {
    const figure = panel.querySelector('svg.fig');
    panel.querySelectorAll('.keys button').forEach((b, k) => {
      const all = () => figure.querySelectorAll('[class*=" k"]'), isMine = (e) => e.classList.contains('k' + k);
      const focus = (on) => { for (const e of all()) e.classList.toggle('dim', on && !isMine(e)); };
      b.onmouseenter = b.onfocus = () => focus(true); b.onmouseleave = b.onblur = () => focus(false);
      b.onclick = () => { const isOn = b.getAttribute('aria-pressed') === 'true'; b.setAttribute('aria-pressed', String(!isOn)); for (const e of all()) if (isMine(e)) e.classList.toggle('off', isOn); };
    });
  }
})();
`;
