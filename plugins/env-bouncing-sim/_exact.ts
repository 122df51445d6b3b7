/**
 * A second opinion on scenes, deliberately plain: from contact to contact along straight lines, each contact solved by
 * hand for an elastic impulse. It shares nothing with the oracle, not even the times between contacts.
 */
import { BALL_RADIUS, CENTRE, CONTAINER_RADIUS, type Scene, TIMES, corners } from "./scene.ts";
import type { Positions } from "./simulate.ts";

interface Body {
  x: number;
  y: number;
  vx: number;
  vy: number;
  readonly mass: number;
  readonly corners: ReadonlyArray<readonly [number, number]>;
}
interface Contact {
  readonly time: number;
  readonly nx: number;
  readonly ny: number;
  readonly a: Body;
  readonly b?: Body;
}

const outward = (polygon: ReadonlyArray<readonly [number, number]>) =>
  polygon.map(([x, y], i) => {
    const [u, v] = polygon[(i + 1) % polygon.length]!;
    const length = Math.hypot(u - x, v - y);
    return { nx: (v - y) / length, ny: (x - u) / length, x, y };
  });

const shadow = ({ corners: all, x, y }: Body, nx: number, ny: number) => {
  const along = all.map(([cx, cy]) => (x + cx) * nx + (y + cy) * ny);
  return [Math.min(...along), Math.max(...along)] as const;
};

const withWall = (a: Body, wall: ReturnType<typeof outward>[number]): Contact | undefined => {
  const { nx, ny } = wall;
  const speed = a.vx * nx + a.vy * ny;
  if (speed <= 0) return undefined;
  const gap = wall.x * nx + wall.y * ny - shadow(a, nx, ny)[1];
  return { time: Math.max(0, gap) / speed, nx, ny, a };
};

const withBall = (a: Body, b: Body): Contact | undefined => {
  let enter = -Infinity;
  let leave = Infinity;
  let normal = { nx: 0, ny: 0 };
  for (const { nx, ny } of [...outward(a.corners), ...outward(b.corners)]) {
    const [a0, a1] = shadow(a, nx, ny);
    const [b0, b1] = shadow(b, nx, ny);
    const speed = (b.vx - a.vx) * nx + (b.vy - a.vy) * ny;
    // b's shadow lies beyond a's, or before it, and comes nearer or not.
    const times = [(a1 - b0) / speed, (a0 - b1) / speed];
    const [first, last] = [Math.min(...times), Math.max(...times)];
    if (first > enter) {
      enter = first;
      normal = speed < 0 ? { nx, ny } : { nx: -nx, ny: -ny };
    }
    leave = Math.min(leave, last);
  }
  const approaching = (b.vx - a.vx) * normal.nx + (b.vy - a.vy) * normal.ny < 0;
  return enter < leave && enter > -1e-9 && approaching
    ? { time: Math.max(0, enter), ...normal, a, b }
    : undefined;
};

const bounce = ({ a, b, nx, ny }: Contact): void => {
  const speed = ((b?.vx ?? 0) - a.vx) * nx + ((b?.vy ?? 0) - a.vy) * ny;
  const push = (-2 * speed) / (1 / a.mass + (b === undefined ? 0 : 1 / b.mass));
  a.vx -= (push / a.mass) * nx;
  a.vy -= (push / a.mass) * ny;
  if (b === undefined) return;
  b.vx += (push / b.mass) * nx;
  b.vy += (push / b.mass) * ny;
};

/** Where the balls of a scene are at all times. */
export const exactPositions = (scene: Scene): Positions => {
  const walls = outward(
    corners(scene.sides, CONTAINER_RADIUS).map(([x, y]) => [CENTRE + x, CENTRE + y] as const),
  );
  const bodies = scene.balls.map(({ sides, ...motion }): Body => ({
    ...motion,
    mass: Math.sin((2 * Math.PI) / sides) * sides,
    corners: corners(sides, BALL_RADIUS),
  }));
  let now = 0;
  return TIMES.map((time) => {
    for (;;) {
      const contacts = bodies.flatMap((a, i) => [
        ...walls.map((wall) => withWall(a, wall)),
        ...bodies.slice(i + 1).map((b) => withBall(a, b)),
      ]);
      const next = contacts
        .filter((contact) => contact !== undefined)
        .toSorted((a, b) => a.time - b.time)[0];
      const leap = Math.min(time - now, next?.time ?? Infinity);
      for (const body of bodies) {
        body.x += body.vx * leap;
        body.y += body.vy * leap;
      }
      now += leap;
      if (next === undefined || next.time > leap) break;
      bounce(next);
    }
    return bodies.map(({ x, y }) => [x, y] as const);
  });
};
