/**
 * How long the polygons of a scene fly on without touching anything. Nothing turns, so everything moves on straight
 * lines, and whether two convex polygons meet is decided on the normals of their edges (the swept separating axes).
 */
import { BALL_RADIUS, CENTRE, type Scene, corners, inradius } from "./scene.ts";

/** Units from which on polygons count as near: far more than the engine's skin of 0.02 around every polygon. */
const NEAR = 1;

export interface Motion {
  readonly x: number;
  readonly y: number;
  readonly vx: number;
  readonly vy: number;
}

/** A normal, with how far both polygons of a pair reach along it to both sides. */
interface Axis {
  readonly nx: number;
  readonly ny: number;
  readonly least: number;
  readonly most: number;
}

const normals = (sides: number): ReadonlyArray<readonly [number, number]> =>
  Array.from({ length: sides }, (_, i) => {
    const angle = (Math.PI * (2 * i + 1)) / sides;
    return [Math.cos(angle), Math.sin(angle)];
  });

const reach = (sides: number, nx: number, ny: number): number =>
  Math.max(...corners(sides, BALL_RADIUS).map(([x, y]) => x * nx + y * ny));

/** Axes of a pair: b's centre seen from a's, between `least` and `most`, is where the polygons overlap on the axis. */
const axesOf = (a: number, b: number): ReadonlyArray<Axis> =>
  [...normals(a), ...normals(b)].map(([nx, ny]) => ({
    nx,
    ny,
    least: -(reach(a, -nx, -ny) + reach(b, nx, ny)) - NEAR,
    most: reach(a, nx, ny) + reach(b, -nx, -ny) + NEAR,
  }));

/** Seconds until the centres, so far and so fast apart, are within all axes; 0 if they are. */
const untilMet = (
  axes: ReadonlyArray<Axis>,
  x: number,
  y: number,
  vx: number,
  vy: number,
): number => {
  let enter = -Infinity;
  let leave = Infinity;
  for (const { nx, ny, least, most } of axes) {
    const at = x * nx + y * ny;
    const speed = vx * nx + vy * ny;
    if (speed === 0) {
      if (at < least || at > most) return Infinity;
      continue;
    }
    const [first, last] =
      speed > 0
        ? [(least - at) / speed, (most - at) / speed]
        : [(most - at) / speed, (least - at) / speed];
    if (first > enter) enter = first;
    if (last < leave) leave = last;
  }
  return leave < Math.max(0, enter) ? Infinity : Math.max(0, enter);
};

/** Gives, for a scene, the function from its balls' motions to the seconds that they fly on untouched. */
export const freeFlightOf = (scene: Scene): ((motions: ReadonlyArray<Motion>) => number) => {
  const walls = normals(scene.sides).map(([nx, ny]) => ({
    nx,
    ny,
    room: scene.balls.map((ball) => inradius(scene.sides) - reach(ball.sides, nx, ny) - NEAR),
  }));
  const pairs = scene.balls.flatMap((a, i) =>
    scene.balls.slice(i + 1).map((b, k) => ({ i, j: i + 1 + k, axes: axesOf(a.sides, b.sides) })),
  );
  return (motions) => {
    let time = Infinity;
    motions.forEach(({ x, y, vx, vy }, i) => {
      for (const { nx, ny, room } of walls) {
        const speed = vx * nx + vy * ny;
        if (speed <= 0) continue;
        const gap = room[i]! - (x - CENTRE) * nx - (y - CENTRE) * ny;
        time = Math.min(time, Math.max(0, gap) / speed);
      }
    });
    for (const { i, j, axes } of pairs) {
      const a = motions[i]!;
      const b = motions[j]!;
      time = Math.min(time, untilMet(axes, b.x - a.x, b.y - a.y, b.vx - a.vx, b.vy - a.vy));
    }
    return time;
  };
};
