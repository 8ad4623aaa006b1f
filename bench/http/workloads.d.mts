/** What is asked of every library; see workloads.mjs. */
export interface Workload {
  readonly name: string;
  readonly title: string;
  readonly path: string;
  readonly fill?: string;
  readonly garbage?: string;
  readonly own?: boolean;
}

export declare const WORKLOADS: readonly Workload[];
