/** Which addresses the API source may connect to: a pipeline file, or a server, must not lead into a private network. */
import { lookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { parse } from 'ipaddr.js';
import { FlexetlError } from '../../pipeline/errors';

/** Services of clouds that give credentials to whoever asks, besides the link-local addresses. */
const METADATA = ['fd00:ec2::254', '100.100.100.200', '192.0.0.192', '168.63.129.16'];

export interface AddressGuard {
  /** Looks hosts up, and refuses addresses before a connection is made. */
  lookup: LookupFunction;
  /** For a host that is an address itself, which is not looked up. @throws FlexetlError ADDRESS_REFUSED */
  assertAllowed(url: URL): void;
}

/**
 * @param allowPrivate private addresses are allowed; those of metadata services only for hosts that are named
 * @param named hosts of the pipeline file
 */
export function guardAddresses(allowPrivate: boolean, named: readonly string[]): AddressGuard {
  const refuse = (host: string, address: string): FlexetlError | undefined => {
    if (allowPrivate && (named.includes(host) || !isMetadata(address))) return undefined;
    if (!isPrivate(address) && !isMetadata(address)) return undefined;
    return refused(host, address, allowPrivate);
  };
  return {
    lookup(host, options, answer) {
      lookup(host, { ...options, all: true }, (error, found) => {
        if (error) return answer(error, '', 0);
        for (const { address } of found) {
          const problem = refuse(host, address);
          if (problem) return answer(problem, '', 0);
        }
        const [first] = found;
        if (options.all) answer(null, found);
        else answer(null, first?.address ?? '', first?.family);
      });
    },
    assertAllowed({ hostname }) {
      const address = hostname.replace(/^\[|\]$/g, '');
      const problem = isIP(address) ? refuse(hostname, address) : undefined;
      if (problem) throw problem;
    },
  };
}

function isPrivate(address: string): boolean {
  return plain(address).range() !== 'unicast';
}

function isMetadata(address: string): boolean {
  const one = plain(address);
  return one.range() === 'linkLocal' || METADATA.includes(one.toString());
}

/** An IPv4 address that is written as IPv6 is what it is. */
function plain(address: string): ReturnType<typeof parse> {
  const one = parse(address.replace(/%.*$/, ''));
  return one.kind() === 'ipv6' && 'isIPv4MappedAddress' in one && one.isIPv4MappedAddress()
    ? one.toIPv4Address()
    : one;
}

function refused(host: string, address: string, allowPrivate: boolean): FlexetlError {
  return new FlexetlError('ADDRESS_REFUSED', {
    message: `${host} is the address ${address}, which is not a public one.`,
    hint: allowPrivate
      ? 'The server leads to the metadata service of a cloud: look at its redirects and at its addresses of next pages.'
      : 'If it is meant, set allow_private: true; if not, look at where the server redirects to.',
  });
}
