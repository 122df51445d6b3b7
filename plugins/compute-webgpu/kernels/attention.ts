/** Attention and its gradient, by the variant that suits shapes and adapter. */
import type { Kernel } from "../schedule.ts";
import type { Site } from "../site.ts";
import { attentionGradientRows, attentionRows } from "./attention_rows.ts";

export const attention = (site: Site): ReadonlyArray<Kernel> => attentionRows(site);

export const attentionGradient = (site: Site): ReadonlyArray<Kernel> => attentionGradientRows(site);
