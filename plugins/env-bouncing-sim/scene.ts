/** Scenes: a container, a few balls, where they are and how fast they go. */
import type { Random } from "@resd/core";
import { Schema } from "effect";

export const LEVELS = ["easy", "medium"] as const;
export type Level = (typeof LEVELS)[number];

/** A polygon with corners on a circle, the first of them in direction +x, that keeps its orientation. Lengths in units, speeds in units a second. */
const Ball = Schema.Struct({
  sides: Schema.Int,
  x: Schema.Finite,
  y: Schema.Finite,
  vx: Schema.Finite,
  vy: Schema.Finite,
});
export type Ball = typeof Ball.Type;

/** The number of sides of the container, and the balls in it. */
export const Scene = Schema.Struct({ sides: Schema.Int, balls: Schema.Array(Ball) });
export type Scene = typeof Scene.Type;

/** The container's centre in both axes, and the distance of its corners from there. */
export const CENTRE = 750;
export const CONTAINER_RADIUS = 375;
/** Distance of a ball's corners from its centre. */
export const BALL_RADIUS = 20;

/** Seconds from the start to the last question. */
export const LAST_TIME = 1.5;
/** Times that are asked for, 0.1 to 1.5. */
export const TIMES: ReadonlyArray<number> = Array.from({ length: 15 }, (_, i) => (i + 1) / 10);

const CLEARANCE = 5;
const LEAST_DISTANCE = 45;
const NUDGE = 40;
/** Places tried for one ball before the whole scene is drawn anew. */
const PATIENCE = 200;

const SHAPES = [3, 4, 5, 6] as const;

const BALLS: Readonly<Record<Level, readonly [least: number, most: number]>> = {
  easy: [3, 3],
  medium: [4, 5],
};
const SPEEDS: Readonly<Record<Level, readonly [least: number, most: number]>> = {
  easy: [400, 600],
  medium: [600, 800],
};

/** Corners of a regular polygon around the origin, in mathematical order. */
export const corners = (sides: number, radius: number): ReadonlyArray<readonly [number, number]> =>
  Array.from({ length: sides }, (_, i) => [
    radius * Math.cos((2 * Math.PI * i) / sides),
    radius * Math.sin((2 * Math.PI * i) / sides),
  ]);

/** Distance of a container's walls from its centre. */
export const inradius = (sides: number): number => CONTAINER_RADIUS * Math.cos(Math.PI / sides);

const isInside = (sides: number, x: number, y: number): boolean =>
  Array.from({ length: sides }, (_, i) => (Math.PI * (2 * i + 1)) / sides).every(
    (angle) =>
      (x - CENTRE) * Math.cos(angle) + (y - CENTRE) * Math.sin(angle) + BALL_RADIUS <=
      inradius(sides),
  );

const between = (random: Random, [least, most]: readonly [number, number]): number =>
  least + random.next() * (most - least);

const cents = (value: number): number => Math.round(value * 100) / 100;

const drawPlace = (random: Random, sides: number, others: ReadonlyArray<Ball>) => {
  // Uniform in the radius and not in the area, then nudged: places crowd in the middle, as in the original.
  const radius = between(random, [0, inradius(sides) - BALL_RADIUS - CLEARANCE]);
  const angle = between(random, [0, 2 * Math.PI]);
  const nudged = (value: number) => Math.round(CENTRE + value + between(random, [-NUDGE, NUDGE]));
  const x = nudged(radius * Math.cos(angle));
  const y = nudged(radius * Math.sin(angle));
  const free = others.every((other) => Math.hypot(other.x - x, other.y - y) >= LEAST_DISTANCE);
  return free && isInside(sides, x, y) ? { x, y } : undefined;
};

const drawBall = (
  random: Random,
  level: Level,
  sides: number,
  others: ReadonlyArray<Ball>,
): Ball | undefined => {
  for (let attempt = 0; attempt < PATIENCE; attempt++) {
    const place = drawPlace(random, sides, others);
    if (place === undefined) continue;
    const speed = between(random, SPEEDS[level]);
    const angle = between(random, [0, 2 * Math.PI]);
    return {
      sides: random.pick(SHAPES),
      ...place,
      vx: cents(speed * Math.cos(angle)),
      vy: cents(speed * Math.sin(angle)),
    };
  }
  return undefined;
};

/** Draws a scene. */
export const drawScene = (random: Random, level: Level): Scene => {
  for (;;) {
    const sides = random.pick(SHAPES);
    const [least, most] = BALLS[level];
    const count = least + random.int(most - least + 1);
    const balls: Array<Ball> = [];
    while (balls.length < count) {
      const ball = drawBall(random, level, sides, balls);
      if (ball === undefined) break;
      balls.push(ball);
    }
    if (balls.length === count) return { sides, balls };
  }
};
