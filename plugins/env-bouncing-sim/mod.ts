/**
 * Bouncing polygons in a polygon: the policy writes a program that predicts where they are, a physics engine knows. The
 * tasks of the paper's BouncingSim, easy and medium, with answers in JavaScript.
 *
 * @module
 */
export { Options, layer, manifest } from "./bouncing_sim.ts";
