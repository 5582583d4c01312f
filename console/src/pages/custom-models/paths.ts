/** Where a job and a model are shown. */

export function jobPath(jobName = ''): string {
  return `/custom-models/jobs/${encodeURIComponent(jobName)}`;
}

export function modelPath(modelName = ''): string {
  return `/custom-models/models/${encodeURIComponent(modelName)}`;
}
