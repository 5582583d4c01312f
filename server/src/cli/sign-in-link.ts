/** The token stands in the fragment, which a browser sends to no server and which so reaches no log. */
export function signInLink(endpoint: string, token: string): string {
  return `${endpoint}/_console/#/sign-in?token=${token}`;
}
