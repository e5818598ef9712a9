"""The public packages whose Lua files are read, by exact version and digest. None of their text is part of this project."""

from __future__ import annotations

from typing import NamedTuple


class Package(NamedTuple):
    """One archive of a registry: ``debian`` (a .deb, by apt-get) or ``npm`` (a tarball, by npm)."""

    registry: str
    name: str
    version: str
    sha256: str


SUITE = Package(
    "debian",
    "golang-github-yuin-gopher-lua-dev",
    "0.0~git20170915.0.eb1c729-5",
    "26f60884261541857ba2f1bf789abeb0c0549d41bfa8021710efb0d00313dd60",
)  # carries the test suite of PUC Lua 5.1 in _lua5.1-tests

CORPUS = (
    Package("debian", "awesome", "4.3-7", "22805bf78d0c6b45965d00050901fe5a3c6d45ff2e12367d935e78500a317a59"),
    SUITE,
    Package(
        "debian", "knot-resolver", "5.6.0-1+deb12u1", "dded83625a3e73b7d4bb9fcbeb431f03eb5215b93d742d5b283e9e065110f01f"
    ),
    Package("debian", "lua-busted", "2.1.1-1", "2bd80d74768b090024c3c6852032c681d323fc0a94506a727d17809e9c9a69b3"),
    Package("debian", "lua-http", "0.4-1", "a574f84929c66390be24ff09e8c6ec70b853b12fe347a0b654f08393eda116ff"),
    Package("debian", "lua-inspect", "3.1.1-2", "c3b00362f207af6749fe671489971701bd2e8cc2466332827485e08f1fd09286"),
    Package("debian", "lua-json", "1.3.4-2", "8189a99f6d27eceb602bc53fbbd770676b0682cbfd9e4a7bfb9cfbed279b7663"),
    Package("debian", "lua-ldoc", "1.4.6-2", "b2fd6c5d66e3e50587dba36ea1e2da9eac10dbea5836625c6b8c3e955bf6c78f"),
    Package("debian", "lua-leg", "0.1.3-2", "4d0bf790258e3676555449c14586979f7feab67a3d13753168db49cc7e6f74a3"),
    Package("debian", "lua-lgi", "0.9.2-3", "19bf475ca40cce4e7c1cbe7a0d07fd5943ae6c8e4c21d6c1819e3c522e118420"),
    Package("debian", "lua-messagepack", "0.5.2-1", "bfa9ca808a4d4ae6012066ba736a79f26dbd98a7ef64a35b9dee8d0cd15841ff"),
    Package("debian", "lua-moses", "2.1.0-1", "513a59f2e5889782c092fb1fdf81f987ce9223b0eaed0a071f960e203e56fb3c"),
    Package("debian", "lua-orbit", "2.2.1+dfsg-2", "e7d6a07d65c828f3de09672b752481e0ea7bffed8c06632edf30bc0a702c3960"),
    Package("debian", "lua-penlight", "1.13.1-3", "69918434ee650d06aa470d49ba05a1a16ae43e66b8216e135cc5075f7d5d9ff3"),
    Package("debian", "luarocks", "3.8.0+dfsg1-1", "269cf79d76b67d55a540ae1de55f8420fb46e2f867d5309da4f1ee38bd07a1db"),
    Package(
        "debian",
        "minetest-data",
        "5.6.1+dfsg+~1.9.0mt8+dfsg-2",
        "91371dd2bd51cfcd4fa60c138667989a47047dfe1a47f7523b9ad1782d397585",
    ),
    Package(
        "debian",
        "minetest-mod-ethereal",
        "20210923-1",
        "b696d1a1c1fe0dfed45dfe99d380c7d62e9fe37b5cfe8a7b27e3f655714c106d",
    ),
    Package(
        "debian",
        "minetest-mod-homedecor",
        "20210327.1-2",
        "555d078c37e2a26a66aea20affa8031ea7ff05e9def7c2f9eb60cd422feb9f6c",
    ),
    Package(
        "debian",
        "minetest-mod-mesecons",
        "1:1.2.1-2",
        "61233a58a46d21ecf5c2674d7297af91aea4ef3e81ea4b8d158d53c4de1697ea",
    ),
    Package("debian", "neovim-runtime", "0.7.2-7", "dc3861cf63e8576f887437c9925437eb118272c1bc8451e18baff9183da08cdb"),
    Package(
        "debian", "nmap-common", "7.93+dfsg1-1", "81273be68b5857e570cc929f95a6261a61ab7c6a534191fcf5e7a9624d745b68"
    ),
    Package(
        "debian", "prosody", "0.12.3-1+deb12u1", "ee51edd4acc3633a27c3acb13af6652fcde2434dc49b3e3c5572eb0b56a803e2"
    ),
    Package("debian", "rspamd", "3.4-1", "47e28ea27755015c70bbd5458dd44e9bcb93cc452bc0e2f82d8bd0725b274019"),
    Package(
        "debian",
        "texlive-luatex",
        "2022.20230122-3",
        "b1fb9e0dd2bc7e164cb86b3f3787b47fe1bcf401fce24451ba4719c26732ed76",
    ),
    Package("npm", "bullmq", "6.7.0", "1b9e166ff4c77ecbb75c15f0e2afc3bdce7aaf3789f4701b45ed0483dcbadb04"),
    Package("npm", "typescript-to-lua", "1.37.1", "6c09e08518e3fb56b622da3bebfa1c248e622b526b7d648dad149a5d5b9b177c"),
)
