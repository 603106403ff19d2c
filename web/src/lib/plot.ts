// SPDX-License-Identifier: Apache-2.0
// Draws series over time into a box, by uPlot: loaded only where there is something to draw. The colours are those of the page and
// change with it; the size is that of the box.
import UPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

import type { Series } from './chart';
import { formatClock } from './format';

export interface Figure {
  times: number[]; // ms, at least two
  series: Series[];
  top: number; // where the scale ends; it begins at nothing
  whole: boolean; // no ticks between whole numbers
  format: (value: number) => string;
}

const colours = { accent: '--accent', danger: '--danger', quiet: '--ink-faint', info: '--info-text' } as const;
const wholes = [1, 2, 5].flatMap((step) => Array.from({ length: 12 }, (_, i) => step * 10 ** i)).sort((a, b) => a - b);

const axis_width_min = 44;
const time_width = 76; // px: "10:05:30 PM" and some air
const padding = 8;

const columns = (figure: Figure): UPlot.AlignedData => [figure.times.map((time) => time / 1000), ...figure.series.map((one) => one.values)];

export class Plot {
  private chart: UPlot | null = null;
  private figure: Figure | null = null;
  private readonly sizes = new ResizeObserver(() => this.fit());
  private readonly scheme = matchMedia('(prefers-color-scheme: dark)');
  private readonly recolour = () => this.draw();

  // `onPoint` gets the index of the time that is pointed at, and null when nothing is.
  constructor(
    private readonly box: HTMLElement,
    private readonly onPoint: (index: number | null) => void,
  ) {
    this.sizes.observe(box);
    this.scheme.addEventListener('change', this.recolour);
  }

  show(figure: Figure): void {
    const before = this.figure;
    this.figure = figure;
    const same = before !== null && before.series.map(({ name, tone }) => name + tone).join() === figure.series.map(({ name, tone }) => name + tone).join();
    if (this.chart && same) this.chart.setData(columns(figure));
    else this.draw();
  }

  clear(): void {
    this.chart?.destroy();
    this.chart = null;
    this.figure = null;
    this.onPoint(null);
  }

  end(): void {
    this.sizes.disconnect();
    this.scheme.removeEventListener('change', this.recolour);
    this.clear();
  }

  // The last time whose label does not reach out of the box.
  private lastLabel(chart: UPlot): number {
    const { min, max } = chart.scales['x'] ?? {};
    if (min == null || max == null) return Infinity;
    return max - ((max - min) * (time_width / 2 - padding)) / Math.max(1, this.box.clientWidth - axis_width_min - padding);
  }

  private fit(): void {
    const { clientWidth: width, clientHeight: height } = this.box;
    if (this.chart && width > 0 && height > 0 && (this.chart.width !== width || this.chart.height !== height)) this.chart.setSize({ width, height });
  }

  private draw(): void {
    const figure = this.figure;
    if (!figure) return;
    this.chart?.destroy();
    this.chart = new UPlot(this.options(figure), columns(figure), this.box);
  }

  private options(figure: Figure): UPlot.Options {
    const style = getComputedStyle(this.box);
    const colour = (name: string) => style.getPropertyValue(name).trim();
    const font = `${style.fontSize} ${style.fontFamily}`;
    const axis: UPlot.Axis = { stroke: colour('--ink-faint'), font, gap: 6, ticks: { show: false } };
    return {
      width: this.box.clientWidth,
      height: this.box.clientHeight,
      padding: [padding, padding, 0, 0],
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false, setScale: false }, points: { size: 7 } },
      scales: { x: { time: true }, y: { range: () => [0, this.figure?.top ?? 1] } },
      axes: [
        {
          ...axis,
          size: 24,
          space: time_width + 14,
          grid: { show: false },
          values: (chart, splits, _, __, increment) => {
            const end = this.lastLabel(chart);
            return splits.map((time) => (time > end ? null : formatClock(time * 1000, increment < 60)));
          },
        },
        {
          ...axis,
          size: widthOf(font),
          space: 28,
          grid: { stroke: colour('--line'), width: 1 },
          values: (_, splits) => splits.map((value) => this.figure?.format(value) ?? ''),
          ...(figure.whole ? { incrs: wholes } : {}),
        },
      ],
      series: [
        {},
        ...figure.series.map(({ name, tone }) => ({
          label: name,
          stroke: colour(colours[tone]),
          width: 2,
          points: { show: false },
          // Told apart by more than their colours.
          ...(tone === 'quiet' ? { dash: [6, 4] } : {}),
        })),
      ],
      hooks: { setCursor: [(chart) => this.onPoint(chart.cursor.idx ?? null)] },
    };
  }
}

// As wide as its longest text, and as half a time of the other axis, whose first may stand at the corner.
function widthOf(font: string): UPlot.Axis.Size {
  return (chart, values) => {
    chart.ctx.save();
    chart.ctx.font = font;
    const widest = (values ?? []).reduce((width, text) => Math.max(width, chart.ctx.measureText(text ?? '').width), 0);
    chart.ctx.restore();
    return Math.max(axis_width_min, Math.ceil(widest) + 8);
  };
}
