/** What the policy is asked, and an answer that is right. */
import {
  BALL_RADIUS,
  type Ball,
  CENTRE,
  CONTAINER_RADIUS,
  LAST_TIME,
  type Scene,
  TIMES,
  corners,
} from "./scene.ts";
import type { Positions } from "./simulate.ts";
import { FUNCTION, TOLERANCE } from "./verify.ts";

const SHAPE_NAMES: Readonly<Record<number, string>> = {
  3: "equilateral triangle",
  4: "square",
  5: "regular pentagon",
  6: "regular hexagon",
};
const shapeName = (sides: number): string => SHAPE_NAMES[sides] ?? `regular ${sides}-gon`;

const ballLine = ({ sides, x, y, vx, vy }: Ball, i: number): string =>
  `${i + 1}. ${shapeName(sides)}, centre (${x}, ${y}), velocity (${vx}, ${vy})`;

/** The problem as plain text. */
export const problemText = ({ sides, balls }: Scene): string => {
  const walls = corners(sides, CONTAINER_RADIUS)
    .map(([x, y]) => `(${(CENTRE + x).toFixed(2)}, ${(CENTRE + y).toFixed(2)})`)
    .join(", ");
  return `Predict where bouncing polygons are.

The container is a ${shapeName(sides)} that does not move. Its centre is (${CENTRE}, ${CENTRE}) and its corners are ${CONTAINER_RADIUS} units from there, the first one in the direction of +x: ${walls}.

Inside there are ${balls.length} "balls". Each is a polygon too, with corners ${BALL_RADIUS} units from its centre, the first one in the direction of +x. Balls never turn, whatever hits them. All have the same density, so their masses are as their areas. At t = 0:
${balls.map((ball, i) => ballLine(ball, i)).join("\n")}

Velocities are in units per second. There is no gravity, no friction and no drag. Balls bounce off the walls and off each other, with their real shapes, and all collisions are perfectly elastic.

Write a JavaScript function ${FUNCTION}(t) that takes a time in seconds, 0 < t <= ${LAST_TIME}, and returns the centres of all balls at that time, in the order above, as a list of pairs [x, y] with two decimals.

The function is called for ${TIMES.length} times. A time counts as right when the balls are at most ${TOLERANCE} units off on average. It runs in plain JavaScript without modules, files or network, each call from a fresh start and for about a second at most.

Answer with the program in one block that begins with \`\`\`javascript and ends with \`\`\`.`;
};

/** A program that knows all answers by heart. */
export const goldAnswer = (positions: Positions): string => {
  const rows = TIMES.map((time, i) => `  "${time.toFixed(1)}": ${JSON.stringify(positions[i])},`);
  return [
    "```javascript",
    "const places = {",
    ...rows,
    "};",
    `function ${FUNCTION}(t) {`,
    "  return places[t.toFixed(1)];",
    "}",
    "```",
  ].join("\n");
};

/** The last closed block of JavaScript, or of no language, in a reply. */
export const programOf = (reply: string): string | undefined => {
  const blocks = reply.matchAll(
    /^[^\S\n]*```[^\S\n]*(\S*)[^\S\n]*\n([^]*?)^[^\S\n]*```[^\S\n]*$/gm,
  );
  const ours = [...blocks].filter(([, language = ""]) => /^(?:|js|javascript)$/i.test(language));
  const code = ours.at(-1)?.[2]?.trim();
  return code === "" ? undefined : code;
};
