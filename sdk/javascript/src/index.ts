export { Client, type Asked, type Options } from "./client.js";
export { Config, compileConfig, ConfigRefused, type Attributes, type Evaluation, type Problem, type Reason, type Unit } from "./evaluation/index.js";
export type { Dims, Tracked } from "./events.js";
export type { Counters } from "./outbox.js";
