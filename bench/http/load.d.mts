import type { Workload } from "./workloads.mjs";

/** The cookies of visitors, each prepared by the workload's path, who came back once; `undefined` is a visitor without one. */
export declare function visitors(url: string, workload: Workload): Promise<(string | undefined)[]>;
