import { CliFailure } from '../failure.ts';

/** A file of a repository, with the hash that its bytes must have. */
export interface HubFile {
  path: string;
  sizeBytes: number;
  /** Of large files; the others have git's hash of a blob alone. */
  sha256: string | null;
  gitBlobSha1: string;
}

export interface HubRepository {
  /** 40 hexadecimal digits: what the revision stands for now. */
  commit: string;
  licence: string | null;
  files: HubFile[];
}

export interface HubClient {
  /** @throws CliFailure where there is none, or it wants a token */
  repository(): Promise<HubRepository>;
  /** @param range of bytes, the end included; the answer is 206, or 200 with the whole from a server that knows no ranges */
  fetchFile(commit: string, path: string, range?: { from: number; to?: number }): Promise<Response>;
}

/** A repository at a branch, a tag or a commit. */
export type HubPlace = { owner: string; name: string; revision: string };

/** @throws CliFailure for what is not hf:OWNER/NAME or hf:OWNER/NAME@REVISION */
export function readHubPlace(source: string): HubPlace {
  const segment = '[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,94}[A-Za-z0-9])?';
  const match = new RegExp(`^hf:(${segment})/(${segment})(?:@([A-Za-z0-9][A-Za-z0-9_./-]{0,199}))?$`).exec(source);
  const [, owner, name, revision = 'main'] = match ?? [];
  if (owner === undefined || name === undefined || `/${revision}/`.includes('/../'))
    throw new CliFailure(`a model of the hub is written hf:OWNER/NAME or hf:OWNER/NAME@REVISION; it is "${source}".`);
  return { owner, name, revision };
}

/**
 * The Hugging Face Hub's HTTP API, or a mirror of it. fetch follows redirects to where large files lie, and takes the
 * token along to the same origin alone.
 * https://huggingface.co/docs/hub/api
 */
export function hubClient(hub: { endpoint: string; token: string | undefined }, place: HubPlace): HubClient {
  const { owner, name, revision } = place;
  const shown = `hf:${owner}/${name}@${revision}`;

  async function get(path: string, headers: Record<string, string> = {}): Promise<Response> {
    const authorization = hub.token === undefined ? {} : { authorization: `Bearer ${hub.token}` };
    const response = await fetch(`${hub.endpoint}${path}`, { headers: { ...headers, ...authorization } });
    if (response.ok) return response;
    await response.body?.cancel();
    // The hub answers 401, too, for a repository that does not exist.
    if (response.status === 401 || response.status === 403)
      throw new CliFailure(
        `${hub.endpoint} does not show ${shown} (${response.status}): it is private, gated or not there. Accept its terms in a browser and set HF_TOKEN, or check the name.`,
      );
    if (response.status === 404) throw new CliFailure(`there is no ${shown} at ${hub.endpoint}.`);
    throw new HubUnavailable(`${hub.endpoint} answered ${response.status} for ${shown}.`);
  }

  return {
    async repository() {
      const response = await get(`/api/models/${owner}/${name}/revision/${encodeURIComponent(revision)}?blobs=true`);
      return readRepository(await response.json(), shown);
    },
    fetchFile: (commit, path, range) =>
      get(`/${owner}/${name}/resolve/${commit}/${path}`, {
        // Bytes as they are hashed: compressed ones could not be resumed.
        'accept-encoding': 'identity',
        ...(range && { range: `bytes=${range.from}-${range.to ?? ''}` }),
      }),
  };
}

/** Worth another try, as an interrupted connection is. */
export class HubUnavailable extends Error {}

interface Described {
  sha?: unknown;
  cardData?: { license?: unknown; license_name?: unknown };
  siblings?: { rfilename?: unknown; size?: unknown; blobId?: unknown; lfs?: { sha256?: unknown } }[];
}

function readRepository(answer: unknown, shown: string): HubRepository {
  const { sha, cardData, siblings = [] } = answer as Described;
  if (typeof sha !== 'string' || !/^[0-9a-f]{40}$/.test(sha))
    throw new CliFailure(`the hub's answer for ${shown} has no sha.`);
  const licence = [cardData?.license_name, cardData?.license].find(
    text => typeof text === 'string' && text !== 'other',
  );
  return {
    commit: sha,
    licence: (licence as string | undefined) ?? null,
    files: siblings.map(file => {
      const { rfilename: path, size, blobId, lfs } = file;
      if (typeof path !== 'string' || typeof size !== 'number' || typeof blobId !== 'string')
        throw new CliFailure(`the hub's answer for ${shown} names a file without a size and a hash.`);
      return {
        path,
        sizeBytes: size,
        sha256: typeof lfs?.sha256 === 'string' ? lfs.sha256 : null,
        gitBlobSha1: blobId,
      };
    }),
  };
}
