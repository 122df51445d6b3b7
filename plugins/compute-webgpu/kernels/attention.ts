/** Attention and its gradient, by the variant that suits shapes and adapter. */
import type { Kernel } from "../schedule.ts";
import { attentionVariant } from "../select.ts";
import type { Site } from "../site.ts";
import { attentionGradientRows, attentionRows } from "./attention_rows.ts";
import { attentionGradientTiles, attentionTiles } from "./attention_tiles.ts";

const byTiles = (site: Site): boolean =>
  attentionVariant(site.target, site.group.core!) === "tiles";

export const attention = (site: Site): ReadonlyArray<Kernel> =>
  byTiles(site) ? attentionTiles(site) : attentionRows(site);

export const attentionGradient = (site: Site): ReadonlyArray<Kernel> =>
  byTiles(site) ? attentionGradientTiles(site) : attentionGradientRows(site);
