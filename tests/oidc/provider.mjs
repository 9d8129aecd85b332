// An identity provider for the tests: oidc-provider on a port of its own choice on this machine.
// Says what it is in one line of JSON, then does what each line on its standard input asks,
// answering each with a line. Ends with its input.
//   {"people": {"ada": {"email": ..., "groups": [...]}}}   who can sign in, by what they type
//   {"rotate": true}                                        signs with a new key from now on

import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';

import Provider from 'oidc-provider';

const [redirectUri, clientId, clientSecret] = process.argv.slice(2);
const say = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);
console.info = console.error; // its notices, not among our answers
let people = {};
let answer;

function newKey() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), use: 'sig', alg: 'RS256' };
}

function build(issuer) {
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: clientId,
        client_secret: clientSecret,
        redirect_uris: [redirectUri],
        grant_types: ['authorization_code'],
        response_types: ['code'],
      },
    ],
    claims: {
      openid: ['sub'],
      email: ['email', 'email_verified'],
      profile: ['name'],
      groups: ['groups'],
    },
    cookies: { keys: ['only for tests'] },
    jwks: { keys: [newKey()] },
    pkce: { required: () => true },
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({ sub: id, ...people[id] }),
    }),
  });
  answer = provider.callback();
}

const server = createServer((request, response) => answer(request, response));
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  build(issuer);
  say({ issuer });
  const asked = createInterface({ input: process.stdin });
  asked.on('line', (line) => {
    const order = JSON.parse(line);
    if (order.people) people = order.people;
    if (order.rotate) build(issuer);
    say({ done: true });
  });
  asked.on('close', () => process.exit(0));
});
