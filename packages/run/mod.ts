/**
 * A run on disk: its configuration from presets, files and flags, the plugins it names, the folder that holds everything
 * about it, and its summary.
 *
 * @module
 */
export * from "./checkpoint_pace.ts";
export * from "./checkpoints.ts";
export * from "./chosen_weights.ts";
export * from "./compose_run.ts";
export * from "./config_error.ts";
export * from "./config_file.ts";
export { type Values, isValues, overlay, valueAt, withValueAt } from "./config_values.ts";
export * from "./define_run.ts";
export { FreeSpace } from "./disk_space.ts";
export * from "./event_lines.ts";
export { exportRun, type ExportRunOptions } from "./export_run.ts";
export * from "./file_tracker.ts";
export * from "./load_plugins.ts";
export * from "./measure_run.ts";
export * from "./model_finder.ts";
export * from "./nearest.ts";
export * from "./plugin_error.ts";
export * from "./plan_config.ts";
export * from "./playbook_lift.ts";
export { modelAndAdapter } from "./policy_layer.ts";
export * from "./prepare_run.ts";
export * from "./read_episodes.ts";
export * from "./read_moment.ts";
export * from "./read_probes.ts";
export * from "./read_run.ts";
export * from "./read_scores.ts";
export * from "./replay_episode.ts";
export * from "./resolve_config.ts";
export * from "./resolve_plugin.ts";
export * from "./resume_run.ts";
export * from "./run_config.ts";
export * from "./run_folder.ts";
export * from "./run_host.ts";
export * from "./run_summary.ts";
export { unknownKeys } from "./unknown_keys.ts";
export { scheduleLayer, variantNames } from "@resd/resd";
