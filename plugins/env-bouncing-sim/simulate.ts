/** The oracle: planck, a port of Box2D, in steps of a fraction of a millisecond. */
import { Chain, Polygon, Vec2, World } from "planck";
import { freeFlightOf } from "./free_flight.ts";
import { BALL_RADIUS, CENTRE, CONTAINER_RADIUS, type Scene, TIMES, corners } from "./scene.ts";

/** Positions of all balls at all times: `[time][ball]` of x and y. */
export type Positions = ReadonlyArray<ReadonlyArray<readonly [x: number, y: number]>>;

const ELASTIC = { friction: 0, restitution: 1 };
/** Rounds of the engine's solver for speeds and for positions. */
const ROUNDS = 100;

const makeWorld = (scene: Scene) => {
  const world = new World({ gravity: new Vec2(0, 0), allowSleep: false });
  const walls = corners(scene.sides, CONTAINER_RADIUS).map(
    ([x, y]) => new Vec2(CENTRE + x, CENTRE + y),
  );
  world.createBody().createFixture({ shape: new Chain(walls, true), ...ELASTIC });
  const bodies = scene.balls.map(({ sides, x, y, vx, vy }) => {
    const body = world.createBody({
      type: "dynamic",
      position: new Vec2(x, y),
      linearVelocity: new Vec2(vx, vy),
      fixedRotation: true,
      bullet: true,
      allowSleep: false,
    });
    const shape = new Polygon(corners(sides, BALL_RADIUS).map(([px, py]) => new Vec2(px, py)));
    body.createFixture({ shape, density: 1, ...ELASTIC });
    return body;
  });
  return { world, bodies };
};

/**
 * Simulates a scene at a fixed number of steps a second and gives the positions at all times. What flies free is moved by
 * as many whole steps at once as it flies free: the steps near a contact are what takes time.
 *
 * @param everyStep leaves no step out, which takes twenty times as long and gives the same to a tenth of a unit.
 */
export const simulate = (
  scene: Scene,
  stepsPerSecond: number,
  everyStep: boolean = false,
): Positions => {
  const { world, bodies } = makeWorld(scene);
  const freeFlight = freeFlightOf(scene);
  const motions = () =>
    bodies.map((body) => {
      const { x, y } = body.getPosition();
      const { x: vx, y: vy } = body.getLinearVelocity();
      return { x, y, vx, vy };
    });
  let step = 0;
  return TIMES.map((time) => {
    const last = Math.round(time * stepsPerSecond);
    while (step < last) {
      const now = motions();
      const free = everyStep ? 0 : Math.floor(freeFlight(now) * stepsPerSecond) - 1;
      const leap = Math.min(free, last - step);
      if (leap >= 1) {
        const seconds = leap / stepsPerSecond;
        now.forEach(({ x, y, vx, vy }, i) =>
          bodies[i]!.setPosition(new Vec2(x + vx * seconds, y + vy * seconds)),
        );
        step += leap;
      } else {
        world.step(1 / stepsPerSecond, ROUNDS, ROUNDS);
        step++;
      }
    }
    return motions().map(({ x, y }) => [x, y] as const);
  });
};

/** Steps a second of the two simulations that have to agree; the first one is believed. */
export const STEPS_PER_SECOND = [4000, 3000] as const;

/** Times at which they are compared, and how far apart no ball may be. */
const COMPARED: ReadonlyArray<number> = [0.5, 1, 1.5];
const AGREEMENT = 15;

/** How far apart two simulations have any ball, at the times at which they are compared. */
export const disagreement = (a: Positions, b: Positions): number =>
  Math.max(
    ...COMPARED.flatMap((time) => {
      const at = TIMES.indexOf(time);
      return a[at]!.map(([x, y], i) => Math.hypot(x - b[at]![i]![0], y - b[at]![i]![1]));
    }),
  );

const cents = (value: number): number => Math.round(value * 100) / 100;

/** Where the balls are, in hundredths; undefined where another step size would say otherwise. */
export const predict = (scene: Scene): Positions | undefined => {
  const [fine, coarse] = STEPS_PER_SECOND.map((steps) => simulate(scene, steps));
  return disagreement(fine!, coarse!) > AGREEMENT
    ? undefined
    : fine!.map((balls) => balls.map(([x, y]) => [cents(x), cents(y)] as const));
};
