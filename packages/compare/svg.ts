/** What all figures share: their ground, their colours, their words. */

/** Text that keeps its markup as text. */
export const xml = (text: string): string =>
  text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");

/** Hundredths of a pixel are enough, and keep the file the same on every machine. */
export const place = (value: number): string => String(Math.round(value * 100) / 100);

/** Colours that stay apart for eyes that confuse red and green, first for light ground, then for dark. */
const COLOURS: ReadonlyArray<readonly [light: string, dark: string]> = [
  ["#0a66c2", "#4c9df3"],
  ["#b8500a", "#f0924c"],
  ["#0b7a53", "#3fc28f"],
  ["#8a3ffc", "#b794f6"],
  ["#b0245a", "#f472a6"],
  ["#0e7c86", "#45c6d1"],
  ["#7a5c00", "#d9b24c"],
  ["#59636e", "#9198a1"],
];

/** Dashes tell lines apart that share a colour. */
const DASHES = ["", "7 4", "2 3"];

/** Class of the colour of the i-th line. */
export const colourClass = (i: number): string => `c${i % COLOURS.length}`;

/** The attribute that dashes the i-th line, if it shares its colour with an earlier one. */
export const dashOf = (i: number): string => {
  const dash = DASHES[Math.floor(i / COLOURS.length) % DASHES.length];
  return dash === "" || dash === undefined ? "" : ` stroke-dasharray="${dash}"`;
};

const colours = (scheme: 0 | 1): string =>
  COLOURS.map((pair, i) => `.c${i} { color: ${pair[scheme]} }`).join(" ");

/** Rules of all figures. A page that holds several needs them once. */
export const FIGURE_STYLE = `
  .figure text { font: 12px system-ui, -apple-system, "Segoe UI", "Helvetica Neue", "DejaVu Sans", sans-serif }
  .figure .title { font-size: 15px; font-weight: 600 } .figure .name { font-weight: 600; fill: currentColor }
  .figure .ground { fill: #ffffff } .figure .ink { fill: #1f2328 } .figure .pale { fill: #59636e }
  .figure .grid { stroke: #e4e8ec } .figure .axis { stroke: #aeb6bf }
  .figure .line { fill: none; stroke: currentColor; stroke-width: 2.25; stroke-linejoin: round; stroke-linecap: round }
  .figure .seed { fill: none; stroke: currentColor; stroke-width: 1; opacity: 0.3; stroke-linejoin: round }
  .figure .band { fill: currentColor; opacity: 0.12 } .figure .area { fill: currentColor; opacity: 0.85 }
  .figure .dot { fill: currentColor } .figure .open { fill: none; stroke: currentColor; stroke-width: 1.5 }
  ${colours(0)}
  @media (prefers-color-scheme: dark) {
    .figure .ground { fill: #0d1117 } .figure .ink { fill: #e6edf3 } .figure .pale { fill: #9198a1 }
    .figure .grid { stroke: #232a33 } .figure .axis { stroke: #515b66 } .figure .band { opacity: 0.2 }
    ${colours(1)}
  }`;

/** A picture with its ground, its heading, and a description for those who hear it. */
export interface Figure {
  /** File name without ending. */
  readonly name: string;
  readonly title: string;
  readonly subtitle: string;
  readonly description: string;
  readonly width: number;
  readonly height: number;
  /** What is drawn, below the heading. */
  readonly body: ReadonlyArray<string>;
}

/** The element of a figure; its style comes with it unless the page has it. */
export const figureElement = (figure: Figure, withStyle: boolean): string => {
  const { name, title, subtitle, description, width, height, body } = figure;
  return [
    `<svg class="figure" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="${name}-title ${name}-description">`,
    `<title id="${name}-title">${xml(title)}</title>`,
    `<desc id="${name}-description">${xml(description)}</desc>`,
    ...(withStyle ? [`<style>${FIGURE_STYLE}\n</style>`] : []),
    `<rect class="ground" width="${width}" height="${height}" rx="8"/>`,
    `<text class="ink title" x="20" y="28">${xml(title)}</text>`,
    `<text class="pale" x="20" y="47">${xml(subtitle)}</text>`,
    ...body,
    "</svg>",
    "",
  ].join("\n");
};
